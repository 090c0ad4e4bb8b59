import { generate } from 'selfsigned';
import { DAY_MS } from '../../common/time.ts';
import { behaviourOf, type SmtpBehaviour } from './smtp-behaviour.ts';

/** The certificates of the double. Their subjects differ, so that a client can trust all of them. */
export type SmtpCertificates = {
  readonly valid: SelfSignedCertificate;
  readonly expired: SelfSignedCertificate;
  readonly wrongName: SelfSignedCertificate;
};

export async function issueCertificates(now: Date): Promise<SmtpCertificates> {
  const daysFromNow = (days: number) => new Date(now.getTime() + days * DAY_MS);
  const current = { notBefore: daysFromNow(-1), notAfter: daysFromNow(365) };
  const local = { dnsNames: ['localhost'], loopback: true };
  const [valid, expired, wrongName] = await Promise.all([
    selfSignedCertificate({ organization: 'SMTP double', ...local, ...current }),
    selfSignedCertificate({
      organization: 'SMTP double, expired',
      ...local,
      notBefore: daysFromNow(-30),
      notAfter: daysFromNow(-1),
    }),
    selfSignedCertificate({
      organization: 'SMTP double, wrong name',
      dnsNames: ['another-host.example'],
      loopback: false,
      ...current,
    }),
  ]);
  return { valid, expired, wrongName };
}

/** All certificates as one PEM bundle, which a client uses as its `ca` to trust the double. */
export function trustBundle(certificates: SmtpCertificates): string {
  return Object.values(certificates)
    .map((certificate) => certificate.certificatePem)
    .join('');
}

export function certificateShown(
  certificates: SmtpCertificates,
  behaviours: readonly SmtpBehaviour[],
): SelfSignedCertificate {
  switch (behaviourOf(behaviours, 'certificate')?.flaw) {
    case 'expired':
      return certificates.expired;
    case 'wrong-name':
      return certificates.wrongName;
    case undefined:
      return certificates.valid;
  }
}

export type SelfSignedCertificate = { readonly keyPem: string; readonly certificatePem: string };

/**
 * Creates a self-signed X.509 certificate with a new P-256 key, for the DNS names and optionally for
 * 127.0.0.1. The key is generated each time, since a key in the repository would trigger secret scanners.
 */
export async function selfSignedCertificate(options: {
  readonly organization: string;
  readonly dnsNames: readonly string[];
  readonly loopback: boolean;
  readonly notBefore: Date;
  readonly notAfter: Date;
}): Promise<SelfSignedCertificate> {
  const { organization, dnsNames, loopback, notBefore, notAfter } = options;
  const names = dnsNames.map((value) => ({ type: 2, value }) as const);
  const addresses = loopback ? [{ type: 7, ip: '127.0.0.1' } as const] : [];
  const { private: keyPem, cert } = await generate(
    [
      { name: 'organizationName', value: organization },
      { name: 'commonName', value: dnsNames[0] ?? 'localhost' },
    ],
    {
      keyType: 'ec',
      curve: 'P-256',
      algorithm: 'sha256',
      notBeforeDate: notBefore,
      notAfterDate: notAfter,
      extensions: [{ name: 'subjectAltName', altNames: [...names, ...addresses] }],
    },
  );
  return { keyPem, certificatePem: cert.endsWith('\n') ? cert : `${cert}\n` };
}
