import { type SelfSignedCertificate, selfSignedCertificate } from './self-signed-certificate.ts';
import { behaviourOf, type SmtpBehaviour } from './smtp-behaviour.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** The certificates that the double may show. Each has a subject of its own, so that a client can trust all. */
export type SmtpCertificates = {
  readonly valid: SelfSignedCertificate;
  readonly expired: SelfSignedCertificate;
  readonly wrongName: SelfSignedCertificate;
};

export function issueCertificates(now: Date): SmtpCertificates {
  const daysFromNow = (days: number) => new Date(now.getTime() + days * DAY_MS);
  const current = { notBefore: daysFromNow(-1), notAfter: daysFromNow(365) };
  const local = { dnsNames: ['localhost'], loopback: true };
  return {
    valid: selfSignedCertificate({ organization: 'SMTP double', ...local, ...current }),
    expired: selfSignedCertificate({
      organization: 'SMTP double, expired',
      ...local,
      notBefore: daysFromNow(-30),
      notAfter: daysFromNow(-1),
    }),
    wrongName: selfSignedCertificate({
      organization: 'SMTP double, wrong name',
      dnsNames: ['another-host.example'],
      loopback: false,
      ...current,
    }),
  };
}

/** All of them as one PEM bundle: what a client is given as its `ca` to trust the double. */
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
