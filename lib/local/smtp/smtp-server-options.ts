import type { SMTPServerOptions } from 'smtp-server';
import type { SelfSignedCertificate } from './self-signed-certificate.ts';
import { behaviourOf, type SmtpBehaviour, type SmtpExtension } from './smtp-behaviour.ts';

/** A stalled conversation must outlast the client's patience, not end with smtp-server's own 421. */
const NEVER_MS = 2 ** 31 - 1;

export function smtpServerOptions(settings: {
  readonly behaviours: readonly SmtpBehaviour[];
  readonly certificate: SelfSignedCertificate;
  readonly implicitTls: boolean;
}): SMTPServerOptions {
  const { behaviours, certificate, implicitTls } = settings;
  const hides = (extension: SmtpExtension) =>
    behaviourOf(behaviours, 'without')?.extensions.includes(extension) ?? false;
  const authIsRequired = behaviours.some(({ kind }) => kind === 'auth-required' || kind === 'auth-refused');
  return {
    name: 'localhost',
    key: certificate.keyPem,
    cert: certificate.certificatePem,
    secure: implicitTls,
    needsUpgrade: implicitTls,
    logger: false,
    disableReverseLookup: true,
    socketTimeout: NEVER_MS,
    maxAllowedUnauthenticatedCommands: false,
    allowInsecureAuth: true,
    authOptional: !authIsRequired,
    authRequiredMessage: '5.7.0 Authentication required',
    disabledCommands: (['STARTTLS', 'AUTH'] as const).filter(hides),
    hidePIPELINING: hides('PIPELINING'),
    hideSMTPUTF8: hides('SMTPUTF8'),
    hide8BITMIME: hides('8BITMIME'),
    ...sizeAdvertised(behaviours),
  };
}

/** smtp-server tells its size to everybody or to nobody, so an unadvertised limit is not its business. */
function sizeAdvertised(behaviours: readonly SmtpBehaviour[]): { size?: number } {
  const limit = behaviourOf(behaviours, 'size-limit');
  return limit?.advertised ? { size: limit.bytes } : {};
}
