import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { parseJson } from '../../common/json.ts';
import { VaultError, type VaultProblem } from './vault-error.ts';
import type { VaultSettings } from './vault-settings.ts';

export interface VaultCall {
  readonly method: 'GET' | 'POST';
  /** Below `/v1/`, not yet encoded. */
  readonly path: string;
  readonly body?: unknown;
  /** A call about the server itself, without token and namespace. */
  readonly ofServer?: boolean;
}

export interface VaultResponse {
  readonly status: number;
  /** Undefined if not JSON. */
  readonly json: unknown;
  readonly text: string;
  readonly location: string | undefined;
}

/**
 * One call of Vault's HTTP API. Follows no redirects: the token goes only to the configured address.
 *
 * @throws {@link VaultError} if there was no response; the signal's reason if it was aborted
 */
export async function callVault(
  settings: VaultSettings,
  call: VaultCall,
  signal: AbortSignal,
): Promise<VaultResponse> {
  const deadline = AbortSignal.timeout(settings.timeoutMs);
  try {
    const response = await send(settings, call, AbortSignal.any([signal, deadline]));
    const text = (await buffer(response)).toString('utf8');
    return {
      status: response.statusCode ?? 0,
      json: parseJson(text),
      text,
      location: response.headers.location,
    };
  } catch (cause) {
    signal.throwIfAborted();
    const problem = deadline.aborted
      ? ({ kind: 'timeout', timeoutMs: settings.timeoutMs } as const)
      : connectionProblem(cause);
    throw new VaultError(problem, settings.address.origin, { cause });
  }
}

function send(settings: VaultSettings, call: VaultCall, signal: AbortSignal): Promise<IncomingMessage> {
  const { address } = settings;
  const prefix = address.pathname.replace(/\/+$/, '');
  const url = new URL(`${prefix}/v1/${call.path.split('/').map(encodeURIComponent).join('/')}`, address);
  const options = { method: call.method, headers: headersOf(settings, call), agent: false, signal };
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? requestTls(url, { ...options, ...trustOf(settings) })
        : requestPlain(url, options);
    request.once('response', resolve).once('error', reject);
    request.end(call.body === undefined ? undefined : JSON.stringify(call.body));
  });
}

function headersOf(
  { token, namespace }: VaultSettings,
  call: VaultCall,
): NonNullable<RequestOptions['headers']> {
  return {
    // Vault's agent and proxy can be configured to reject requests without it.
    'x-vault-request': 'true',
    ...(call.body !== undefined && { 'content-type': 'application/json' }),
    ...(!call.ofServer && token !== undefined && { 'x-vault-token': token }),
    ...(!call.ofServer && namespace !== undefined && { 'x-vault-namespace': namespace }),
  };
}

function trustOf({ ca, serverName, skipVerify }: VaultSettings) {
  return {
    rejectUnauthorized: !skipVerify,
    ...(ca !== undefined && { ca }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}

/** Node's and OpenSSL's codes for an untrusted certificate, with their meanings. */
const UNTRUSTED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'its authority is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not known here',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name',
};

/** Error codes of an HTTP client that gets a TLS response, and vice versa. */
const WRONG_SCHEME = ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'];

/** Why there was no response. */
function connectionProblem(error: unknown): VaultProblem {
  const code = textOf(error, 'code');
  const untrusted = UNTRUSTED[code];
  if (untrusted !== undefined) return { kind: 'untrusted', reason: untrusted };
  if (code === 'ECONNREFUSED') return { kind: 'refused' };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { kind: 'unknown-host' };
  if (WRONG_SCHEME.includes(code) || code.startsWith('HPE_')) return { kind: 'wrong-scheme' };
  return { kind: 'broken', reason: code || textOf(error, 'message') };
}

function textOf(error: unknown, name: 'code' | 'message'): string {
  if (typeof error !== 'object' || error === null || !(name in error)) return '';
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : '';
}
