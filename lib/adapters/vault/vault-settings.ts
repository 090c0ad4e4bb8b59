import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HOUR_MS } from '../../common/time.ts';
import { VaultError } from './vault-error.ts';

/** How to connect to Vault. */
export interface VaultSettings {
  readonly address: URL;
  readonly token: string | undefined;
  readonly namespace: string | undefined;
  /** PEM certificates to trust instead of the system's. */
  readonly ca: string | undefined;
  /** The name that the certificate must match, if not the host's. */
  readonly serverName: string | undefined;
  readonly skipVerify: boolean;
  /** For a call including its response. */
  readonly timeoutMs: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The default of Vault's own tools for VAULT_ADDR. */
const DEFAULT_ADDRESS = 'https://127.0.0.1:8200';

/** Vault's tools wait a minute, which is long for an operator at a terminal. */
const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Reads the environment variables of Vault's own tools, and the token stored by `vault login`.
 *
 * @see https://developer.hashicorp.com/vault/docs/commands#environment-variables
 * @throws {@link VaultError} of the kind `settings`
 */
export async function readVaultSettings(env: Environment): Promise<VaultSettings> {
  return {
    address: addressOf(env),
    token: given(env, 'VAULT_TOKEN') ?? (await tokenOfLogin(env)),
    namespace: given(env, 'VAULT_NAMESPACE')?.replace(/^\/+|\/+$/g, ''),
    ca: await caOf(env),
    serverName: given(env, 'VAULT_TLS_SERVER_NAME'),
    skipVerify: flagOf(env, 'VAULT_SKIP_VERIFY'),
    timeoutMs: timeoutOf(env),
  };
}

function given(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function addressOf(env: Environment): URL {
  const text = given(env, 'VAULT_ADDR') ?? DEFAULT_ADDRESS;
  if (URL.canParse(text) && /^https?:\/\//i.test(text)) return new URL(text);
  // Does not repeat the value: a URL may contain a password.
  throw wrong('VAULT_ADDR', 'a URL such as https://vault.example.org:8200');
}

async function tokenOfLogin(env: Environment): Promise<string | undefined> {
  try {
    const token = await readFile(join(given(env, 'HOME') ?? homedir(), '.vault-token'), 'utf8');
    return token.trim() || undefined;
  } catch {
    // As in Vault's own tools, an unreadable file means no token.
    return undefined;
  }
}

async function caOf(env: Environment): Promise<string | undefined> {
  const file = given(env, 'VAULT_CACERT');
  if (file === undefined) return undefined;
  const pem = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw wrong('VAULT_CACERT', `a file that can be read: ${file} cannot`, cause);
  });
  // With an empty bundle Node would trust no authority, and report the server as untrusted.
  if (!pem.includes('-----BEGIN')) throw wrong('VAULT_CACERT', `a PEM file: ${file} holds no certificate`);
  return pem;
}

/** As Go's ParseBool. */
function flagOf(env: Environment, name: string): boolean {
  const text = given(env, name);
  if (text === undefined || /^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  throw wrong(name, 'true or false');
}

function timeoutOf(env: Environment): number {
  const text = given(env, 'VAULT_CLIENT_TIMEOUT');
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  const [, digits = '', unit = 's'] = /^(\d{1,6})(ms|s|m)?$/.exec(text) ?? [];
  const timeoutMs = Number(digits) * (unit === 'ms' ? 1 : unit === 's' ? 1_000 : 60_000);
  if (timeoutMs > 0 && timeoutMs <= HOUR_MS) return timeoutMs;
  throw wrong('VAULT_CLIENT_TIMEOUT', 'seconds, or a time such as 30s');
}

function wrong(name: string, allowed: string, cause?: unknown): VaultError {
  return new VaultError({ kind: 'settings', reason: `${name}: allowed is ${allowed}` }, undefined, { cause });
}
