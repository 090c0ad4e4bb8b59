import type { SESv2Client } from '@aws-sdk/client-sesv2';
import { SesV2Sender } from '../../../adapters/ses/ses-v2-sender.ts';
import { SmtpPoolRoute, type SmtpSettings } from '../../../adapters/smtp/smtp-pool-route.ts';
import { untilAborted } from '../../../common/async.ts';
import { IGNORED_VARIABLES, SettingsError } from '../../../common/config.ts';
import { maskAddressesIn } from '../../../domain/address.ts';
import type { Delivery } from '../../../domain/delivery.ts';
import type { Failure } from '../../../domain/failure.ts';
import { readMailerSettings } from '../../../mailer/settings.ts';
import type { RawMail, SesErrorClass } from '../../../ports/senders.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import { printable } from '../../lookups/dead-letters.ts';
import type { RelayTarget } from '../../lookups/relay-target.ts';

export interface SesSending {
  /** Provides the credentials and the Region. */
  readonly ses: SESv2Client;
  /** Publishes the SES events that reach the ledger. */
  readonly configurationSet: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type SesHandling =
  | { readonly kind: 'sent'; readonly sesMessageId: string }
  | { readonly kind: 'ended'; readonly ending: SendEnding };

/** Sends in one call with the operator's own credentials, tagged to link SES events to the delivery. */
export async function sendBySes(delivery: Delivery, sending: SesSending): Promise<SesHandling> {
  const { ses, configurationSet, timeoutMs, signal } = sending;
  const { credentials, region } = ses.config;
  // SES has no idempotency token: a client that retries after a lost response would send a second mail.
  const sender = new SesV2Sender(configurationSet, timeoutMs, { credentials, region });
  try {
    const result = await untilAborted(sender.send(rawMailOf(delivery)), signal);
    if (result.kind === 'sent') return result;
    return { kind: 'ended', ending: sesEnding(result.verdict, result.detail) };
  } finally {
    sender.close();
  }
}

function rawMailOf({ id, from, to, mime }: Delivery): RawMail {
  return { deliveryId: id, part: 0, from, recipients: to, mime, tags: {} };
}

function sesEnding(verdict: SesErrorClass, detail: string): SendEnding {
  if (verdict.kind === 'retry' && verdict.answerLost) {
    const fix = 'SES may have taken it all the same; wait a minute before you send again';
    return { verdict: 'open', detail: `SES gave no answer: ${detail}`, fix };
  }
  return { verdict: 'failed', detail: `SES did not take it: ${detail}`, fix: fixFor(verdict.cause) };
}

function fixFor(cause: string): string {
  switch (cause) {
    case 'identity-not-verified':
      return 'mailctl doctor --only identity,sending; the sandbox allows verified recipients alone, and the mailbox simulator';
    case 'access-denied':
      return 'use credentials that may call ses:SendEmail, or send with --by fallback';
    case 'configuration-set-missing':
      return 'npm run deploy';
    default:
      return 'mailctl doctor --only sending';
  }
}

/** Dummy values: the mailer's settings are read as a whole, but the queue's are not used here. */
const NO_QUEUE = { FALLBACK_QUEUE_URL: 'https://queue.invalid/', PAYLOAD_BUCKET: 'unused' };

/**
 * Reads the SMTP_* variables like the API's mailer.
 *
 * @throws {@link OperatorError} that names the invalid setting
 */
export function smtpSettingsOf(env: Readonly<Record<string, string | undefined>>): SmtpSettings {
  const own = Object.entries(env).filter(([name]) => name.startsWith('SMTP_') || name === IGNORED_VARIABLES);
  try {
    return readMailerSettings({ ...Object.fromEntries(own), ...NO_QUEUE }).smtp;
  } catch (cause) {
    if (!(cause instanceof SettingsError)) throw cause;
    const fix = "set SMTP_HOST, SMTP_PORT, SMTP_USER and SMTP_PASSWORD as the API's worker has them";
    throw new OperatorError('WRONG_SETTING', cause.message, fix, { cause });
  }
}

/** The relay's settings: those of SMTP_* by which it trusts a certificate, and no login. */
export function relaySettingsOf(
  { host, port }: RelayTarget,
  env: Readonly<Record<string, string | undefined>>,
): SmtpSettings {
  const { SMTP_TLS_CA, SMTP_TLS_REJECT_UNAUTHORIZED } = env;
  const trust = { SMTP_TLS_CA, SMTP_TLS_REJECT_UNAUTHORIZED };
  return smtpSettingsOf({ ...trust, SMTP_HOST: host, SMTP_PORT: String(port), SMTP_SECURE: 'false' });
}

/** Sends the mail to the API's own mail server. Its 250 is final: the server reports no later statuses. */
export async function sendBySmtp(
  delivery: Delivery,
  settings: SmtpSettings,
  {
    by,
    timeoutMs,
    signal,
  }: { readonly by: 'smtp' | 'relay'; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<SendEnding> {
  const sendTimeoutMs = Math.min(settings.sendTimeoutMs, timeoutMs);
  const route = new SmtpPoolRoute({ ...settings, sendTimeoutMs });
  try {
    const result = await route.send(delivery, { abandon: signal });
    signal.throwIfAborted();
    const [refusal] = result.refused;
    if (result.kind === 'failed') return smtpEnding(result.failure, by);
    if (refusal !== undefined) return smtpEnding(refusal.failure, by);
    return { verdict: 'delivered', detail: `the server has queued it: ${shown(result.taken.response)}` };
  } finally {
    await route.close();
  }
}

function smtpEnding(
  { class: failureClass, code, response, phase }: Failure,
  by: 'smtp' | 'relay',
): SendEnding {
  const words = response === undefined ? (code ?? 'no answer') : shown(response);
  if (failureClass === 'unknown') {
    const fix = 'look into the log of the mail server before you send again';
    return { verdict: 'open', detail: `its data was sent and no answer came: ${words}`, fix };
  }
  const fix = `mailctl doctor --only ${by}`;
  return { verdict: 'failed', detail: `SMTP did not take it: ${failureClass} at ${phase}, ${words}`, fix };
}

const shown = (response: string) => printable(maskAddressesIn(response));

/** The routes of a test mail. */
export const SEND_WAYS = ['smtp', 'relay', 'ses', 'fallback'] as const;

export type SendWay = (typeof SEND_WAYS)[number];

/** A step seen while the mail was followed. */
export interface SendStep {
  readonly what: string;
  /** Since the mail was sent. */
  readonly afterMs: number;
}

export interface SendEnding {
  /**
   * - `delivered`: accepted by the recipient's server or, by SMTP, by mail-core.
   * - `open`: sent, but its status is not known yet.
   * - `failed`: it will not arrive, or not without an operator.
   */
  readonly verdict: 'delivered' | 'open' | 'failed';
  readonly detail: string;
  /** Absent if there is nothing to fix. */
  readonly fix?: string | undefined;
}

/** The result of a test mail. Addresses are masked. */
export interface SendResult extends SendEnding {
  /** The delivery ID, for `mailctl status`. */
  readonly id: string;
  readonly by: SendWay;
  readonly from: string;
  readonly to: string;
  readonly steps: readonly SendStep[];
}

const EXITS: Readonly<Record<SendEnding['verdict'], ExitCode>> = {
  delivered: EXIT.ok,
  open: EXIT.warning,
  failed: EXIT.failed,
};

export const exitCodeOf = ({ verdict }: SendEnding): ExitCode => EXITS[verdict];
