import * as v from 'valibot';
import type { VaultProblem } from './vault-error.ts';
import { VaultError } from './vault-error.ts';
import { callVault, type VaultCall, type VaultResponse } from './vault-http.ts';
import type { VaultSettings } from './vault-settings.ts';

/** A secret as it stands. The version is what a write must name to replace it; it goes on after a deletion. */
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
 * The versioned key-value store of Vault, in one mount.
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
    const asked = this.#asked(path, ['read']);
    const answer = await this.#call({ method: 'GET', path: asked.path }, signal);
    const found = v.safeParse(secretSchema, answer.json);
    if (found.success && (answer.status === 200 || answer.status === 404)) {
      const { data: fields, metadata } = found.output.data;
      // What was deleted is a 404, too, and says which version it was.
      if (fields === null) return { kind: 'deleted', version: metadata.version };
      return { kind: 'present', version: metadata.version, fields };
    }
    if (answer.status === 200) throw this.#error({ kind: 'not-kv-v2', mount: this.mount, found: 'KV v1' });
    if (answer.status !== 404 || errorsOf(answer).length > 0)
      throw await this.#refusal(answer, asked, signal);
    // An unversioned store answers the same for what it does not have, and would take the write as it is.
    await this.#checkMount(path, signal);
    return { kind: 'absent', version: 0 };
  }

  /**
   * Writes a new version on top of exactly this one.
   *
   * @throws {@link VaultError}; where that is `timeout` or `broken`, it may have been written
   */
  async write(
    path: string,
    fields: Readonly<Record<string, unknown>>,
    onTopOf: number,
    signal: AbortSignal,
  ): Promise<VaultWrite> {
    const asked = this.#asked(path, ['create', 'update']);
    const body = { data: fields, options: { cas: onTopOf } };
    const answer = await this.#call({ method: 'POST', path: asked.path, body }, signal);
    const written = v.safeParse(writtenSchema, answer.json);
    if (answer.status === 200 && written.success) {
      return { kind: 'written', version: written.output.data.version };
    }
    const errors = errorsOf(answer);
    if (
      answer.status === 400 &&
      errors.some((error) => error.includes('did not match the current version'))
    ) {
      return { kind: 'conflict' };
    }
    throw await this.#refusal(answer, asked, signal);
  }

  /** Asks as `vault kv` does before it reads or writes. */
  async #checkMount(path: string, signal: AbortSignal): Promise<void> {
    const whole = `${this.mount}/${path}`;
    const asked = { ...this.#asked(path, ['read']), path: `sys/internal/ui/mounts/${whole}` };
    const answer = await this.#call({ method: 'GET', path: asked.path }, signal);
    const found = v.safeParse(mountSchema, answer.json);
    if (answer.status === 200 && found.success) {
      const { type, options } = found.output.data;
      if (type === 'kv' && options?.version === '2') return;
      const name = type === 'kv' || type === 'generic' ? 'KV v1' : `an engine of the type ${type}`;
      throw this.#error({ kind: 'not-kv-v2', mount: this.mount, found: name });
    }
    const problem = await refusalOf(answer, asked, () => this.#health(signal));
    throw this.#error(
      problem.kind === 'denied' ? { kind: 'hidden-mount', mount: this.mount, path: whole } : problem,
    );
  }

  #asked(path: string, capabilities: readonly string[]): Asked {
    return { mount: this.mount, path: `${this.mount}/data/${path}`, capabilities };
  }

  #call(call: VaultCall, signal: AbortSignal): Promise<VaultResponse> {
    if (this.#settings.token === undefined) throw this.#error({ kind: 'no-token' });
    return callVault(this.#settings, call, signal);
  }

  #health(signal: AbortSignal): Promise<VaultResponse> {
    return callVault(this.#settings, { method: 'GET', path: 'sys/health', ofServer: true }, signal);
  }

  async #refusal(answer: VaultResponse, asked: Asked, signal: AbortSignal): Promise<VaultError> {
    return this.#error(await refusalOf(answer, asked, () => this.#health(signal)));
  }

  #error(problem: VaultError['problem']): VaultError {
    return new VaultError(problem, this.#settings.address.origin);
  }
}

/** What was asked, for what is said of a refusal. */
export interface Asked {
  readonly mount: string;
  /** Beneath `/v1/`: what a policy names. */
  readonly path: string;
  readonly capabilities: readonly string[];
}

const errorsSchema = v.object({ errors: v.array(v.string()) });

const healthSchema = v.object({ initialized: v.boolean(), sealed: v.boolean(), standby: v.boolean() });

/** Vault's own words in an answer that is an error; a word of warning is none. */
function errorsOf({ json }: VaultResponse): readonly string[] {
  const parsed = v.safeParse(errorsSchema, json);
  return parsed.success ? parsed.output.errors : [];
}

/**
 * Why Vault did not do what it was asked.
 *
 * @param health answers for `sys/health`, which tells what an error of the server itself comes from
 * @see https://developer.hashicorp.com/vault/api-docs#http-status-codes
 */
async function refusalOf(
  answer: VaultResponse,
  asked: Asked,
  health: () => Promise<VaultResponse>,
): Promise<VaultProblem> {
  const { status, location } = answer;
  const reason = reasonOf(answer);
  if (status >= 300 && status < 400) return redirection(status, location);
  if (status === 400 && answer.text.includes('HTTP request to an HTTPS server')) {
    return { kind: 'wrong-scheme' };
  }
  if (status === 403) return denial(reason, asked);
  if (status === 404 && reason.includes('no handler for route')) {
    return { kind: 'no-mount', mount: asked.mount };
  }
  if (status === 429) return { kind: 'rate-limited' };
  if (status < 500) return { kind: 'unexpected', status, reason };
  if (/\bvault is sealed\b/i.test(reason)) return { kind: 'sealed' };
  return (await serverProblem(health)) ?? { kind: 'unavailable', status, reason };
}

/** On one line, and no longer than a line. */
function reasonOf(answer: VaultResponse): string {
  const text = errorsOf(answer).join('; ') || (answer.json === undefined ? 'not an answer of Vault' : '');
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}

/** A standby that is not to forward sends its clients to the active node by 307; all else is some proxy's. */
function redirection(status: number, location: string | undefined): VaultProblem {
  const origin = location !== undefined && URL.canParse(location) ? new URL(location).origin : undefined;
  if (status === 307) return { kind: 'standby', activeNode: origin };
  return { kind: 'redirected', location: origin ?? 'nowhere' };
}

function denial(reason: string, { path, capabilities }: Asked): VaultProblem {
  // A token that has ended, or never was; older ones say "bad token".
  return /\b(invalid|bad) token\b/.test(reason)
    ? { kind: 'token-rejected' }
    : { kind: 'denied', path, capabilities };
}

/** What `sys/health` says of the server; undefined where that has no answer either. */
async function serverProblem(health: () => Promise<VaultResponse>): Promise<VaultProblem | undefined> {
  const parsed = v.safeParse(healthSchema, (await health()).json);
  if (!parsed.success) return undefined;
  if (!parsed.output.initialized) return { kind: 'not-initialized' };
  if (parsed.output.sealed) return { kind: 'sealed' };
  return parsed.output.standby ? { kind: 'standby', activeNode: undefined } : undefined;
}
