import { needsSmtpUtf8, withAsciiDomain } from '../../lib/message/address.ts';
import { type Envelope, parseEnvelope, serialiseEnvelope } from '../../lib/message/envelope.ts';
import { QUEUE_RETENTION_DAYS, SES_MAX_RECIPIENTS } from '../../lib/message/limits.ts';
import { chunkRecipients, distinctRecipients } from '../../lib/message/recipients.ts';
import { type RetryPace, retryDelaySeconds } from '../../lib/message/retry-schedule.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import type { DeadLetters } from '../../lib/ports/dead-letters.ts';
import type { FallbackQueue } from '../../lib/ports/fallback-queue.ts';
import type { Log } from '../../lib/ports/log.ts';
import type { RawMailSender } from '../../lib/ports/raw-mail-sender.ts';
import { type ContentSources, loadContent } from './load-content.ts';
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
 * Sends to at most 50 recipients a call. Once a part is settled, what is left goes back as a narrower message:
 * the whole one must not come again, or the settled part would be sent twice.
 */
async function sendToAll(
  envelope: Envelope,
  mime: Buffer,
  message: QueuedMessage,
  parts: ResendParts,
): Promise<RecordResult> {
  const recipients = distinctRecipients(envelope.envelope.to);
  const unsendable = recipients.filter(needsSmtpUtf8);
  const sendable = recipients.filter((recipient) => !needsSmtpUtf8(recipient));
  const chunks = chunkRecipients(sendable, SES_MAX_RECIPIENTS);
  for (const [index, chunk] of chunks.entries()) {
    const left = [...chunks.slice(index).flat(), ...unsendable];
    if (!message.hasTime()) return goOnLater(envelope, left, index > 0, 0, parts);
    const pace = await sendChunk(envelope, chunk, mime, parts);
    if (pace !== undefined) {
      const delaySeconds = retryDelaySeconds(pace, message.receiveCount, parts.random());
      return goOnLater(envelope, left, index > 0, delaySeconds, parts);
    }
  }
  if (unsendable.length > 0) {
    const detail = `SES does not speak SMTPUTF8, which ${unsendable.length} recipients need`;
    await park(
      serialiseEnvelope(narrowed(envelope, unsendable)),
      'needs-smtputf8',
      detail,
      envelope.id,
      parts,
    );
  }
  return { kind: 'done' };
}

/** Settles one part: sent, or parked. The answer is the pace at which to try again, where it is not settled. */
async function sendChunk(
  envelope: Envelope,
  recipients: readonly string[],
  mime: Buffer,
  parts: ResendParts,
): Promise<RetryPace | undefined> {
  const { id, tags } = envelope;
  const fields = {
    deliveryId: id,
    tenantId: envelope.tenantId,
    recipients: recipients.length,
    bytes: mime.length,
  };
  const answer = await parts.ses.send({
    from: withAsciiDomain(envelope.envelope.from),
    recipients,
    mime,
    deliveryId: id,
    tags: tags ?? {},
  });
  if (answer.kind === 'sent') {
    parts.log.info('resent', {
      ...fields,
      sesMessageId: answer.sesMessageId,
      failureClass: envelope.failure?.class,
    });
    return undefined;
  }
  const { verdict, detail } = answer;
  if (verdict.kind === 'never') {
    await park(serialiseEnvelope(narrowed(envelope, recipients)), verdict.cause, detail, id, parts);
    return undefined;
  }
  parts.log.warn('not-sent-yet', { ...fields, cause: verdict.cause, answerLost: verdict.answerLost, detail });
  return verdict.pace;
}

/** SQS keeps a new message back for at most 15 minutes. */
const LONGEST_QUEUE_DELAY_SECONDS = 900;

async function goOnLater(
  envelope: Envelope,
  left: readonly string[],
  partlySettled: boolean,
  delaySeconds: number,
  parts: ResendParts,
): Promise<RecordResult> {
  if (!partlySettled) return { kind: 'retry', delaySeconds };
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
