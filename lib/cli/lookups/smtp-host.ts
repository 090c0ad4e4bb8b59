import * as v from 'valibot';
import { smtpHostSchema } from '../../mailer/settings.ts';
import { OperatorError } from '../errors.ts';

/**
 * The host of `--smtp-host` or SMTP_HOST, as the worker would read it.
 *
 * @throws {@link OperatorError} if the worker would refuse it
 */
export function smtpHostOf(text: string): string {
  const host = v.safeParse(smtpHostSchema, text);
  if (host.success) return host.output;
  throw new OperatorError(
    'WRONG_SETTING',
    `SMTP_HOST = ${JSON.stringify(text)}: allowed is a host name or an IP address, without smtp:// and port`,
    'set SMTP_HOST or --smtp-host to the name alone, and SMTP_PORT or --smtp-port to the port',
  );
}
