import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { DAY_MS } from '../../common/time.ts';
import { behaviourOf, type SmtpBehaviour } from './smtp-behaviour.ts';

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

export type SelfSignedCertificate = { readonly keyPem: string; readonly certificatePem: string };

/**
 * A self-signed X.509 certificate with a fresh P-256 key, for the DNS names and for 127.0.0.1 when asked.
 * Node has no call that makes one, and a key in the repository would alarm every secret scanner.
 */
export function selfSignedCertificate(wanted: {
  readonly organization: string;
  readonly dnsNames: readonly string[];
  readonly loopback: boolean;
  readonly notBefore: Date;
  readonly notAfter: Date;
}): SelfSignedCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = distinguishedName(wanted.organization, wanted.dnsNames[0] ?? 'localhost');
  const toBeSigned = sequence(
    der(0xa0, INTEGER_2),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    name,
    sequence(utcTime(wanted.notBefore), utcTime(wanted.notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(subjectAltName(wanted.dnsNames, wanted.loopback))),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = sequence(
    toBeSigned,
    ECDSA_WITH_SHA256,
    der(0x03, Buffer.concat([Buffer.of(0), signature])),
  );
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificatePem: pem(certificate),
  };
}

const INTEGER_2 = Buffer.from('020102', 'hex');
const OID_COMMON_NAME = Buffer.from('0603550403', 'hex');
const OID_ORGANIZATION = Buffer.from('060355040a', 'hex');
const OID_SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');

function distinguishedName(organization: string, commonName: string): Buffer {
  const part = (oid: Buffer, text: string) => der(0x31, sequence(oid, der(0x0c, Buffer.from(text))));
  return sequence(part(OID_ORGANIZATION, organization), part(OID_COMMON_NAME, commonName));
}

function subjectAltName(dnsNames: readonly string[], loopback: boolean): Buffer {
  const names = dnsNames.map((name) => der(0x82, Buffer.from(name)));
  const addresses = loopback ? [der(0x87, Buffer.of(127, 0, 0, 1))] : [];
  return sequence(OID_SUBJECT_ALT_NAME, der(0x04, sequence(...names, ...addresses)));
}

function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), derLength(content.length), content]);
}

function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  return length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff);
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
