import { needsSmtpUtf8, withAsciiDomain } from '../../lib/message/address.ts';
import { type Envelope, parseEnvelope, serialiseEnvelope } from '../../lib/message/envelope.ts';
import { headerFlaw } from '../../lib/message/header-section.ts';
import { QUEUE_RETENTION_DAYS } from '../../lib/message/limits.ts';
import { distinctRecipients } from '../../lib/message/recipients.ts';
import { retryDelaySeconds } from '../../lib/message/retry-schedule.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import type { DeadLetters } from '../../lib/ports/dead-letters.ts';
import type { FallbackQueue } from '../../lib/ports/fallback-queue.ts';
import type { Log } from '../../lib/ports/log.ts';
import type { RawMailSender } from '../../lib/ports/raw-mail-sender.ts';
import { errorName } from './error-name.ts';
import { type ContentSources, loadContent } from './load-content.ts';
import { type Offered, offerToSes, type RefusedRecipients } from './offer-to-ses.ts';
import { foreignSender } from './sender-check.ts';

export interface ResendParts {
  readonly ses: RawMailSender;
  readonly sources: ContentSources;
  readonly queue: FallbackQueue;
  readonly deadLetters: DeadLetters;
  readonly fromDomain: string;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

/** One SQS message as the function gets it. */
export interface QueuedMessage {
  readonly body: string;
  /** From 1. */
  readonly receiveCount: number;
  readonly sentAt: Date;
  /** True as long as the invocation has time for one more SES call. */
  readonly hasTime: () => boolean;
}

export type RecordResult =
  /** Nothing of it is left to do. */
  | { readonly kind: 'done' }
  /** It stays in the queue, and comes back after this time. */
  | { readonly kind: 'retry'; readonly delaySeconds: number };

/**
 * Resends one message, or parks it with the reason where it can never be sent.
 *
 * @throws where a service that is needed does not answer; the message then stays in the queue
 */
export async function resendRecord(message: QueuedMessage, parts: ResendParts): Promise<RecordResult> {
  const parsed = parseEnvelope(message.body);
  if (parsed.kind === 'unreadable') return park(message.body, parsed.reason, parsed.detail, undefined, parts);
  const { envelope } = parsed;
  const parkWhole = (reason: string, detail: string) =>
    park(message.body, reason, detail, envelope.id, parts);

  const late = tooLate(envelope, message.sentAt, parts.clock.now());
  if (late !== undefined) return parkWhole(late.reason, late.detail);

  const content = await loadContent(envelope, parts.sources);
  if (content.kind === 'unreadable') return parkWhole(content.reason, content.detail);

  const flaw = headerFlaw(content.mime);
  if (flaw !== undefined) return parkWhole(flaw.reason, flaw.detail);

  const foreign = foreignSender(envelope.envelope.from, content.mime, parts.fromDomain);
  if (foreign !== undefined) return parkWhole('foreign-sender', foreign);

  return sendToAll(envelope, content.mime, message, parts);
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** A day before SQS would delete it unseen. */
const LONGEST_STAY_MS = (QUEUE_RETENTION_DAYS - 1) * DAY_MS;

function tooLate(
  envelope: Envelope,
  sentAt: Date,
  now: Date,
): { reason: string; detail: string } | undefined {
  if (envelope.expiresAt !== undefined && new Date(envelope.expiresAt) <= now) {
    return { reason: 'expired', detail: `it expired at ${envelope.expiresAt}` };
  }
  if (now.getTime() - sentAt.getTime() > LONGEST_STAY_MS) {
    return { reason: 'retention-ends', detail: `in the queue since ${sentAt.toISOString()}` };
  }
  return undefined;
}

/**
 * Sends to whom it can, parks the recipients that can never be sent to, and keeps the others. Once anyone is settled,
 * those left go back as a narrower message: the whole one must not come again, or the settled would come again, too.
 */
async function sendToAll(
  envelope: Envelope,
  mime: Buffer,
  message: QueuedMessage,
  parts: ResendParts,
): Promise<RecordResult> {
  const recipients = distinctRecipients(envelope.envelope.to);
  const unsendable = recipients.filter(needsSmtpUtf8);
  const offered = await offerToSes(
    {
      envelope,
      mime,
      from: withAsciiDomain(envelope.envelope.from),
      recipients: recipients.filter((recipient) => !needsSmtpUtf8(recipient)),
    },
    { ...parts, hasTime: message.hasTime },
  );
  const refused = [...smtpUtf8Refusal(unsendable), ...offered.refused];
  const notParked = await parkAll(envelope, refused, parts);
  const left = [...offered.left, ...notParked];
  if (left.length === 0) return { kind: 'done' };
  const settledSome = left.length < recipients.length;
  return goOnLater(envelope, left, settledSome, delayOf(offered, notParked, message, parts), parts);
}

function smtpUtf8Refusal(recipients: readonly string[]): RefusedRecipients[] {
  if (recipients.length === 0) return [];
  const detail = `SES does not speak SMTPUTF8, which ${recipients.length} recipients need`;
  return [{ reason: 'needs-smtputf8', detail, recipients }];
}

/** Parks each group as a letter of its own, up to the first that could not be parked; who is left is returned. */
async function parkAll(
  envelope: Envelope,
  refused: readonly RefusedRecipients[],
  parts: ResendParts,
): Promise<string[]> {
  for (const [index, { reason, detail, recipients }] of refused.entries()) {
    try {
      await park(serialiseEnvelope(narrowed(envelope, recipients)), reason, detail, envelope.id, parts);
    } catch (error) {
      parts.log.error('not-parked', { deliveryId: envelope.id, reason, ...errorName(error) });
      return refused.slice(index).flatMap((group) => group.recipients);
    }
  }
  return [];
}

function delayOf(
  { pace }: Offered,
  notParked: readonly string[],
  { receiveCount }: QueuedMessage,
  parts: ResendParts,
): number {
  const needed = pace ?? (notParked.length > 0 ? 'outage' : undefined);
  return needed === undefined ? 0 : retryDelaySeconds(needed, receiveCount, parts.random());
}

/** SQS keeps a new message back for at most 15 minutes. */
const LONGEST_QUEUE_DELAY_SECONDS = 900;

async function goOnLater(
  envelope: Envelope,
  left: readonly string[],
  settledSome: boolean,
  delaySeconds: number,
  parts: ResendParts,
): Promise<RecordResult> {
  if (!settledSome) return { kind: 'retry', delaySeconds };
  await parts.queue.push(narrowed(envelope, left), {
    delaySeconds: Math.min(delaySeconds, LONGEST_QUEUE_DELAY_SECONDS),
  });
  parts.log.info('narrowed', { deliveryId: envelope.id, recipients: left.length, delaySeconds });
  return { kind: 'done' };
}

function narrowed(envelope: Envelope, to: readonly string[]): Envelope {
  return { ...envelope, envelope: { ...envelope.envelope, to: [...to] } };
}

async function park(
  body: string,
  reason: string,
  detail: string,
  deliveryId: string | undefined,
  parts: ResendParts,
): Promise<RecordResult> {
  const known = deliveryId === undefined ? {} : { deliveryId };
  await parts.deadLetters.park(body, { reason, detail, ...known });
  parts.log.error('dead-lettered', { ...known, reason, detail });
  return { kind: 'done' };
}
