import { SmtpPoolRoute } from '../../adapters/smtp/smtp-pool-route.ts';
import type { SmtpSettings } from '../../adapters/smtp/smtp-settings.ts';
import { readMailerSettings, SettingsError } from '../../mailer/settings.ts';
import { maskAddressesIn } from '../../message/address.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { Failure } from '../../message/failure.ts';
import { printable } from '../dlq/letter.ts';
import { OperatorError } from '../operator-error.ts';
import type { SendEnding } from './send-result.ts';

/** The mailer's settings are read as a whole; these of the queue are looked at by nobody here. */
const NO_QUEUE = { FALLBACK_QUEUE_URL: 'https://queue.invalid/', PAYLOAD_BUCKET: 'unused' };

/**
 * Reads the SMTP_* variables by the rules of the API's mailer.
 *
 * @throws {@link OperatorError} that names what is wrong
 */
export function smtpSettingsOf(env: Readonly<Record<string, string | undefined>>): SmtpSettings {
  const own = Object.entries(env).filter(([name]) => name.startsWith('SMTP_'));
  try {
    return readMailerSettings({ ...Object.fromEntries(own), ...NO_QUEUE }).smtp;
  } catch (cause) {
    if (!(cause instanceof SettingsError)) throw cause;
    const mend = "set SMTP_HOST, SMTP_PORT, SMTP_USER and SMTP_PASSWORD as the API's worker has them";
    throw new OperatorError('WRONG_SETTING', cause.message, mend, { cause });
  }
}

/** Offers the mail to the API's own mail server. Its 250 is the last that can be known: the server tells no fates. */
export async function sendBySmtp(
  delivery: Delivery,
  settings: SmtpSettings,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<SendEnding> {
  const sendTimeoutMs = Math.min(settings.sendTimeoutMs, timeoutMs);
  const route = new SmtpPoolRoute({ ...settings, sendTimeoutMs });
  try {
    const answer = await route.send(delivery, { abandon: signal });
    signal.throwIfAborted();
    const [refusal] = answer.refused;
    if (answer.kind === 'failed') return endingOf(answer.failure);
    if (refusal !== undefined) return endingOf(refusal.failure);
    return { verdict: 'delivered', detail: `the server has queued it: ${shown(answer.taken.response)}` };
  } finally {
    await route.close();
  }
}

function endingOf({ class: failureClass, code, response, phase }: Failure): SendEnding {
  const words = response === undefined ? (code ?? 'no answer') : shown(response);
  if (failureClass === 'unknown') {
    const mend = 'look into the log of the mail server before you send again';
    return { verdict: 'open', detail: `its data was sent and no answer came: ${words}`, mend };
  }
  const mend = 'mailctl doctor --only smtp';
  return { verdict: 'failed', detail: `SMTP did not take it: ${failureClass} at ${phase}, ${words}`, mend };
}

const shown = (response: string) => printable(maskAddressesIn(response));
