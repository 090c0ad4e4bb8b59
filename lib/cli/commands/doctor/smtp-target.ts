import { OperatorError } from '../../errors.ts';
import { smtpHostOf } from '../../lookups/smtp-host.ts';

/** The SMTP host, with the settings that the API's worker would use. */
export interface SmtpTarget {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly implicitTls: boolean;
  /** The worker sends nothing without TLS. */
  readonly requireTls: boolean;
  /** The worker rejects untrusted certificates. */
  readonly rejectUnauthorized: boolean;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
}

export interface SmtpFlags {
  readonly smtpHost?: string;
  readonly smtpPort?: number;
}

const SUBMISSION_PORT = 587;
const SUBMISSIONS_PORT = 465;

/**
 * Reads the flags, with the worker's environment variables as fallback.
 *
 * @throws {@link OperatorError} if SMTP_HOST is no host name or SMTP_PORT no port
 */
export function smtpTarget(
  flags: SmtpFlags,
  env: Readonly<Record<string, string | undefined>>,
): SmtpTarget | undefined {
  const given = flags.smtpHost ?? env.SMTP_HOST;
  if (!given) return undefined;
  const host = smtpHostOf(given);
  const port = flags.smtpPort ?? portOf(env.SMTP_PORT);
  return {
    host,
    port,
    implicitTls: env.SMTP_SECURE ? env.SMTP_SECURE === 'true' : port === SUBMISSIONS_PORT,
    requireTls: env.SMTP_REQUIRE_TLS === 'true',
    rejectUnauthorized: env.SMTP_TLS_REJECT_UNAUTHORIZED !== 'false',
    ...(env.SMTP_TLS_CA ? { ca: env.SMTP_TLS_CA } : {}),
  };
}

function portOf(text: string | undefined): number {
  if (!text) return SUBMISSION_PORT;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new OperatorError(
    'WRONG_SETTING',
    `SMTP_PORT = ${JSON.stringify(text)}: allowed is a port, 1 to 65535`,
    'set SMTP_PORT or --smtp-port right',
  );
}
