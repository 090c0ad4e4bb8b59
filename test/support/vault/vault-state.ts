import type { Clock } from '../../../lib/ports/runtime.ts';
import type { VaultPolicy } from './vault-policy.ts';
import { type SecretFields, VersionedSecrets } from './versioned-secrets.ts';

/** A mount: the versioned store, the unversioned one, or an engine that is not a store. */
export type Mount =
  | { readonly kind: 'kv-v2'; readonly secrets: VersionedSecrets }
  | { readonly kind: 'kv-v1'; readonly secrets: Map<string, SecretFields> }
  | { readonly kind: 'transit' };

/** Whether it works, and why not. */
export type Condition =
  | { readonly kind: 'active' }
  | { readonly kind: 'sealed' }
  | { readonly kind: 'not-initialized' }
  /** Redirects its clients to the active node, if there is one. */
  | { readonly kind: 'standby'; readonly activeNode?: string };

/** The content and condition of the double. */
export class VaultState {
  readonly #clock: Clock;
  readonly #mounts = new Map<string, Mount>();
  readonly #tokens = new Map<string, VaultPolicy | 'root'>();
  condition: Condition = { kind: 'active' };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param namespace empty is the root */
  mount(path: string, kind: Mount['kind'], namespace = ''): void {
    this.#mounts.set(key(namespace, path), this.#fresh(kind));
  }

  /** Gives the token a policy; a root token may do everything. */
  grant(token: string, policy: VaultPolicy | 'root'): void {
    this.#tokens.set(token, policy);
  }

  revoke(token: string): void {
    this.#tokens.delete(token);
  }

  policyOf(token: string | undefined): VaultPolicy | 'root' | undefined {
    return token === undefined ? undefined : this.#tokens.get(token);
  }

  /** The mount that contains the path, and the rest of the path. */
  mountOf(path: string, namespace: string): { name: string; rest: string; mount: Mount } | undefined {
    const segments = path.split('/');
    for (let length = segments.length; length > 0; length -= 1) {
      const name = segments.slice(0, length).join('/');
      const mount = this.#mounts.get(key(namespace, name));
      if (mount !== undefined) return { name, rest: segments.slice(length).join('/'), mount };
    }
    return undefined;
  }

  /** The secrets of a versioned mount. */
  secrets(mount = 'secret', namespace = ''): VersionedSecrets {
    const found = this.#mounts.get(key(namespace, mount));
    if (found?.kind !== 'kv-v2') throw new TypeError(`the double has no KV v2 at ${mount}`);
    return found.secrets;
  }

  #fresh(kind: Mount['kind']): Mount {
    if (kind === 'kv-v2') return { kind, secrets: new VersionedSecrets(this.#clock) };
    return kind === 'kv-v1' ? { kind, secrets: new Map() } : { kind };
  }
}

const key = (namespace: string, path: string) => `${namespace}:${path}`;
