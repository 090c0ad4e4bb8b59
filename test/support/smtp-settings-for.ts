import type { SmtpSettings } from '../../lib/adapters/smtp/smtp-pool-route.ts';
import type { SmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import type { StagedFailure } from './smtp-failures.ts';

/** Settings for a server on this machine: time-outs are short, because there is no network latency. */
export function smtpSettingsFor(
  double: SmtpDouble,
  needs: StagedFailure['smtp'] = { trustCertificate: true },
): SmtpSettings {
  return {
    host: double.host,
    port: double.port,
    secure: false,
    requireTls: needs.requireTls ?? false,
    ...(needs.auth === true ? { user: 'api', password: 'wrong' } : {}),
    tlsRejectUnauthorized: true,
    ...(needs.trustCertificate === true ? { tlsCa: double.certificatePem } : {}),
    connectTimeoutMs: 3_000,
    greetingTimeoutMs: 700,
    socketTimeoutMs: 1_000,
    sendTimeoutMs: needs.sendTimeoutMs ?? 5_000,
    maxConnections: 2,
  };
}
