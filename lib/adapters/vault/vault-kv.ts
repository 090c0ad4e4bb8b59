import * as v from 'valibot';
import type { VaultProblem } from './vault-error.ts';
import { VaultError } from './vault-error.ts';
import { callVault, type VaultCall, type VaultResponse } from './vault-http.ts';
import type { VaultSettings } from './vault-settings.ts';

/** The state of a secret. A write must name the version to replace it; versions continue after a deletion. */
export type VaultSecret =
  | { readonly kind: 'present'; readonly version: number; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'deleted'; readonly version: number }
  | { readonly kind: 'absent'; readonly version: 0 };

export type VaultWrite =
  | { readonly kind: 'written'; readonly version: number }
  | { readonly kind: 'conflict' };

const version = v.pipe(v.number(), v.integer());
const secretSchema = v.object({
  data: v.object({
    data: v.nullable(v.record(v.string(), v.unknown())),
    metadata: v.object({ version }),
  }),
});
const writtenSchema = v.object({ data: v.object({ version }) });
const mountSchema = v.object({
  data: v.object({ type: v.string(), options: v.nullish(v.object({ version: v.optional(v.string()) })) }),
});

/**
 * Vault's versioned key-value store, in one mount.
 *
 * @see https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
 */
export class VaultKv {
  readonly #settings: VaultSettings;
  readonly mount: string;

  constructor(settings: VaultSettings, mount: string) {
    this.#settings = settings;
    this.mount = mount.replace(/^\/+|\/+$/g, '');
  }

  /** @throws {@link VaultError} */
  async read(path: string, signal: AbortSignal): Promise<VaultSecret> {
    const request = this.#requestOf(path, ['read']);
    const response = await this.#call({ method: 'GET', path: request.path }, signal);
    const found = v.safeParse(secretSchema, response.json);
    if (found.success && (response.status === 200 || response.status === 404)) {
      const { data: fields, metadata } = found.output.data;
      // A deleted secret is also a 404, with its version.
      if (fields === null) return { kind: 'deleted', version: metadata.version };
      return { kind: 'present', version: metadata.version, fields };
    }
    if (response.status === 200) throw this.#error({ kind: 'not-kv-v2', mount: this.mount, found: 'KV v1' });
    if (response.status !== 404 || errorsOf(response).length > 0)
      throw await this.#refusal(response, request, signal);
    // An unversioned store responds the same for a missing secret, and would accept the write as is.
    await this.#checkMount(path, signal);
    return { kind: 'absent', version: 0 };
  }

  /**
   * Writes a new version on top of exactly this one.
   *
   * @throws {@link VaultError}; after `timeout` or `broken`, it may have been written
   */
  async write(
    path: string,
    fields: Readonly<Record<string, unknown>>,
    onTopOf: number,
    signal: AbortSignal,
  ): Promise<VaultWrite> {
    const request = this.#requestOf(path, ['create', 'update']);
    const body = { data: fields, options: { cas: onTopOf } };
    const response = await this.#call({ method: 'POST', path: request.path, body }, signal);
    const written = v.safeParse(writtenSchema, response.json);
    if (response.status === 200 && written.success) {
      return { kind: 'written', version: written.output.data.version };
    }
    const errors = errorsOf(response);
    if (
      response.status === 400 &&
      errors.some((error) => error.includes('did not match the current version'))
    ) {
      return { kind: 'conflict' };
    }
    throw await this.#refusal(response, request, signal);
  }

  /** The same call that `vault kv` makes before it reads or writes. */
  async #checkMount(path: string, signal: AbortSignal): Promise<void> {
    const whole = `${this.mount}/${path}`;
    const request = { ...this.#requestOf(path, ['read']), path: `sys/internal/ui/mounts/${whole}` };
    const response = await this.#call({ method: 'GET', path: request.path }, signal);
    const found = v.safeParse(mountSchema, response.json);
    if (response.status === 200 && found.success) {
      const { type, options } = found.output.data;
      if (type === 'kv' && options?.version === '2') return;
      const name = type === 'kv' || type === 'generic' ? 'KV v1' : `an engine of the type ${type}`;
      throw this.#error({ kind: 'not-kv-v2', mount: this.mount, found: name });
    }
    const problem = await refusalOf(response, request, () => this.#health(signal));
    throw this.#error(
      problem.kind === 'denied' ? { kind: 'hidden-mount', mount: this.mount, path: whole } : problem,
    );
  }

  #requestOf(path: string, capabilities: readonly string[]): Asked {
    return { mount: this.mount, path: `${this.mount}/data/${path}`, capabilities };
  }

  #call(call: VaultCall, signal: AbortSignal): Promise<VaultResponse> {
    if (this.#settings.token === undefined) throw this.#error({ kind: 'no-token' });
    return callVault(this.#settings, call, signal);
  }

  #health(signal: AbortSignal): Promise<VaultResponse> {
    return callVault(this.#settings, { method: 'GET', path: 'sys/health', ofServer: true }, signal);
  }

  async #refusal(response: VaultResponse, request: Asked, signal: AbortSignal): Promise<VaultError> {
    return this.#error(await refusalOf(response, request, () => this.#health(signal)));
  }

  #error(problem: VaultError['problem']): VaultError {
    return new VaultError(problem, this.#settings.address.origin);
  }
}

/** A request, for describing its refusal. */
export interface Asked {
  readonly mount: string;
  /** Below `/v1/`, as in a policy. */
  readonly path: string;
  readonly capabilities: readonly string[];
}

const errorsSchema = v.object({ errors: v.array(v.string()) });

const healthSchema = v.object({ initialized: v.boolean(), sealed: v.boolean(), standby: v.boolean() });

/** Vault's error messages in a response; warnings do not count. */
function errorsOf({ json }: VaultResponse): readonly string[] {
  const parsed = v.safeParse(errorsSchema, json);
  return parsed.success ? parsed.output.errors : [];
}

/**
 * Why Vault refused a request.
 *
 * @param health calls `sys/health`, which shows the cause of a server error
 * @see https://developer.hashicorp.com/vault/api-docs#http-status-codes
 */
async function refusalOf(
  response: VaultResponse,
  request: Asked,
  health: () => Promise<VaultResponse>,
): Promise<VaultProblem> {
  const { status, location } = response;
  const reason = reasonOf(response);
  if (status >= 300 && status < 400) return redirection(status, location);
  if (status === 400 && response.text.includes('HTTP request to an HTTPS server')) {
    return { kind: 'wrong-scheme' };
  }
  if (status === 403) return denial(reason, request);
  if (status === 404 && reason.includes('no handler for route')) {
    return { kind: 'no-mount', mount: request.mount };
  }
  if (status === 429) return { kind: 'rate-limited' };
  if (status < 500) return { kind: 'unexpected', status, reason };
  if (/\bvault is sealed\b/i.test(reason)) return { kind: 'sealed' };
  return (await serverProblem(health)) ?? { kind: 'unavailable', status, reason };
}

/** On one line, truncated. */
function reasonOf(response: VaultResponse): string {
  const text = errorsOf(response).join('; ') || (response.json === undefined ? 'not an answer of Vault' : '');
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}

/** A standby that does not forward redirects to the active node by 307; other redirects are from a proxy. */
function redirection(status: number, location: string | undefined): VaultProblem {
  const origin = location !== undefined && URL.canParse(location) ? new URL(location).origin : undefined;
  if (status === 307) return { kind: 'standby', activeNode: origin };
  return { kind: 'redirected', location: origin ?? 'nowhere' };
}

function denial(reason: string, { path, capabilities }: Asked): VaultProblem {
  // An expired or invalid token; older Vault versions say "bad token".
  return /\b(invalid|bad) token\b/.test(reason)
    ? { kind: 'token-rejected' }
    : { kind: 'denied', path, capabilities };
}

/** The server problem shown by `sys/health`; undefined if that has no valid response either. */
async function serverProblem(health: () => Promise<VaultResponse>): Promise<VaultProblem | undefined> {
  const parsed = v.safeParse(healthSchema, (await health()).json);
  if (!parsed.success) return undefined;
  if (!parsed.output.initialized) return { kind: 'not-initialized' };
  if (parsed.output.sealed) return { kind: 'sealed' };
  return parsed.output.standby ? { kind: 'standby', activeNode: undefined } : undefined;
}
