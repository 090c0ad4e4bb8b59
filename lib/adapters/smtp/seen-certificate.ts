import { checkServerIdentity, type TLSSocket } from 'node:tls';

/** The certificate that a host shows. */
export interface SeenCertificate {
  /** DNS names and addresses. */
  readonly names: readonly string[];
  readonly notAfter: Date;
  /** Whether one of the names is that of the host. */
  readonly fitsHost: boolean;
  /** By whom it is signed, as far as that can be followed. Time is not looked at. */
  readonly trust: 'trusted' | 'self-signed' | 'untrusted';
}

const SELF_SIGNED = ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN'];

/** What a trusted signature does not help against. */
const NOT_OF_TRUST = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'ERR_TLS_CERT_ALTNAME_INVALID'];

/** @param host as the client called it */
export function seenCertificate(socket: TLSSocket, host: string): SeenCertificate {
  const certificate = socket.getPeerCertificate();
  const alternatives = certificate.subjectaltname?.split(', ') ?? [];
  const names = alternatives.map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
  return {
    names,
    notAfter: new Date(certificate.valid_to),
    fitsHost: checkServerIdentity(host, certificate) === undefined,
    trust: trustOf(socket),
  };
}

function trustOf({ authorizationError }: TLSSocket): SeenCertificate['trust'] {
  // Node gives the code of OpenSSL, though its types say Error.
  const code = authorizationError === null ? '' : String(authorizationError ?? '');
  if (code === '' || NOT_OF_TRUST.some((known) => code.includes(known))) return 'trusted';
  return SELF_SIGNED.some((known) => code.includes(known)) ? 'self-signed' : 'untrusted';
}
