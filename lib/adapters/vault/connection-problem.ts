import type { VaultProblem } from './vault-error.ts';

/** By which codes Node and OpenSSL say that a certificate is not to be trusted, and what each means. */
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

/** What an HTTP client and a TLS one each say to an answer in the other's language. */
const WRONG_SCHEME = ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'];

/** Why no answer came. */
export function connectionProblem(error: unknown): VaultProblem {
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
