import type { WeightLimit } from '../../lib/common/async.ts';
import { distinctRecipients, needsSmtpUtf8, withAsciiDomain } from '../../lib/domain/address.ts';
import { CLOCK_SKEW_MS, isServerAtFault } from '../../lib/domain/failure.ts';
import {
  type FallbackMessage,
  failedAt,
  forRecipients,
  parseFallbackMessage,
} from '../../lib/domain/fallback-message.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../lib/domain/limits.ts';
import { NOT_TRIED } from '../../lib/domain/metrics.ts';
import { validateHeaders } from '../../lib/domain/mime-headers.ts';
import type { Receipt } from '../../lib/domain/receipt.ts';
import { type RetryPace, retryDelaySeconds, secondsUntil } from '../../lib/domain/retry.ts';
import { validateSender } from '../../lib/domain/sender.ts';
import type { FallbackQueue } from '../../lib/ports/queues.ts';
import type { Metrics } from '../../lib/ports/runtime.ts';
import { type ContentSources, contentHash, loadContent } from './content.ts';
import {
  type DeadLetterDeps,
  deadLetterMessage,
  deadLetterRefused,
  deadLetterUnreadable,
} from './dead-letter.ts';
import { type ExpiryResult, expiryOf, resolveExpired } from './expiry.ts';
import { countSuppressed, publishReceipts, sentReceipts, suppressedReceipts } from './publish-receipts.ts';
import {
  type RefusedRecipients,
  type SendDeps,
  type SendSummary,
  sendToRecipients,
} from './send-to-recipients.ts';

export interface ResendDeps extends Omit<SendDeps, 'hasTime'>, DeadLetterDeps {
  readonly sources: ContentSources;
  readonly queue: FallbackQueue;
  /** Where mail waits that the reputation fuse holds. */
  readonly heldQueue: FallbackQueue;
  /** Limits the bytes of all mails in memory. */
  readonly memory: WeightLimit;
  readonly fromDomain: string;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** One SQS message as the function receives it. */
export interface QueuedMessage extends Receive {
  readonly body: string;
  /** True as long as the invocation has time for one more SES call. */
  readonly hasTime: () => boolean;
  /** Whether the reputation fuse held it before. */
  readonly isHeld: boolean;
}

const DONE: RecordResult = { kind: 'done', receipts: [] };

/**
 * Resends one message, or dead-letters it with the cause if it can never be sent.
 *
 * @throws if a required service does not respond; the message then stays in the queue
 */
export async function resendMessage(record: QueuedMessage, deps: ResendDeps): Promise<RecordResult> {
  const { body } = record;
  const parsed = parseFallbackMessage(body);
  // Also if there is no time remaining: the next receive does not count as the first.
  const sendable = parsed.kind === 'message' ? parsed.message : parsed.split?.message;
  if (sendable !== undefined) countHandOver(record, sendable, deps.metrics);
  if (!record.hasTime()) {
    return { kind: 'retry', delaySeconds: scheduledDelay('rate', record, deps), receipts: [] };
  }
  if (parsed.kind === 'unreadable') {
    // The others first: a second copy of them is kept out by the ledger, a second dead letter by nothing.
    if (sendable !== undefined) await pushRemainder(sendable, sendable.envelope.to, 0, deps);
    await deadLetterUnreadable(body, parsed, deps);
    return DONE;
  }
  const { message } = parsed;
  const blocked = await waitForSes(message, record, deps);
  const expiry = expiryOf(message, record.sentAt, deps.clock.now());
  if (expiry !== undefined) return toRecordResult(await resolveExpired(body, message, expiry, deps), deps);
  if (blocked !== undefined) {
    return { kind: 'retry', delaySeconds: scheduledDelay('outage', record, deps), receipts: [] };
  }
  return deps.memory.run(bytesOf(message), () => resendOpen(message, record, deps));
}

function toRecordResult(result: ExpiryResult, { clock }: ResendDeps): RecordResult {
  return result.kind === 'resolved'
    ? { kind: 'done', receipts: result.receipts }
    : { kind: 'retry', delaySeconds: secondsUntil(result.until, clock.now()), receipts: [] };
}

/**
 * Waits as long as the invocation has time: so the mail that cannot be sent stays in the queue unreceived. An expired
 * mail needs no SES.
 */
async function waitForSes(
  message: FallbackMessage,
  { sentAt, isHeld }: QueuedMessage,
  { turns, deadline, clock, log, metrics }: ResendDeps,
): Promise<{ readonly cause: string } | undefined> {
  if (expiryOf(message, sentAt, clock.now()) !== undefined) return undefined;
  return turns.untilOpen({ isUrgent: message.priority === 'urgent', isHeld, deadline, log, metrics });
}

/** In memory, the bytes of its content: those of a structured mail are at most those of its message. */
function bytesOf({ content }: FallbackMessage): number {
  return content.type === 'mail' ? MAX_QUEUE_MESSAGE_BYTES : content.bytes;
}

/** Resends a message that SES may be called for now. */
async function resendOpen(
  message: FallbackMessage,
  record: QueuedMessage,
  deps: ResendDeps,
): Promise<RecordResult> {
  const { body } = record;
  // It may have waited for the memory of a large mail.
  if (!record.hasTime()) {
    return { kind: 'retry', delaySeconds: scheduledDelay('rate', record, deps), receipts: [] };
  }
  const checked = await checkedContent(message, deps);
  if (checked.kind === 'mime') return sendToAll(message, checked.mime, record, deps);
  await deadLetterMessage(body, message, checked.reason, checked.detail, deps);
  return DONE;
}

type CheckedContent =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  | { readonly kind: 'unsendable'; readonly reason: string; readonly detail: string };

async function checkedContent(message: FallbackMessage, deps: ResendDeps): Promise<CheckedContent> {
  const content = await loadContent(message, deps.sources);
  if (content.kind === 'unreadable') return { ...content, kind: 'unsendable' };
  const flaw = validateHeaders(content.mime);
  if (flaw !== undefined) return { ...flaw, kind: 'unsendable' };
  const sender = validateSender(message.envelope.from, content.mime, deps.fromDomain);
  return sender === undefined ? content : { ...sender, kind: 'unsendable' };
}

/**
 * Sends to the recipients it can, dead-letters those that can never be sent to, and retries the others. Once
 * any recipient has a final result, the others are requeued as a new message, so that none is dead-lettered
 * twice.
 */
async function sendToAll(
  message: FallbackMessage,
  mime: Buffer,
  record: QueuedMessage,
  deps: ResendDeps,
): Promise<RecordResult> {
  const recipients = distinctRecipients(message.envelope.to);
  const contentSha256 = contentHash(message, mime);
  const result = await sendToRecipients(
    {
      message,
      mime,
      contentSha256,
      from: withAsciiDomain(message.envelope.from),
      recipients: recipients.filter((recipient) => !needsSmtpUtf8(recipient)),
    },
    { ...deps, hasTime: record.hasTime },
  );
  if (result.kind === 'conflict') {
    const detail = `the id was used for content ${result.contentSha256} before, and now for ${contentSha256}`;
    await deadLetterMessage(record.body, message, 'id-conflict', detail, deps);
    return DONE;
  }

  const refused = [...smtpUtf8Refusal(recipients.filter(needsSmtpUtf8)), ...result.refused];
  const receipts = [
    ...sentReceipts(message, deps.region, result.sent),
    ...suppressedReceipts(message, deps.region, result.suppressed, deps.clock.now()),
  ];
  if (result.retryAt !== undefined) {
    deps.log.info('send-event-awaited', { deliveryId: message.id, until: result.retryAt.toISOString() });
  }
  const { unsent, held } = result;
  if (unsent.length === 0 && refused.length === 0 && held.length === 0) return { kind: 'done', receipts };
  const delaySeconds = delayOf(result, record, deps);
  if (unsent.length === recipients.length) {
    return {
      kind: 'retry',
      delaySeconds: Math.max(delaySeconds, scheduledDelay('rate', record, deps)),
      receipts,
    };
  }
  // Publish the receipts first: the steps below must not be repeated because a receipt was not published.
  await publishReceipts(receipts, deps.receipts);
  countSuppressed(receipts, deps.metrics);
  if (held.length > 0) await hold(message, held, deps);
  if (unsent.length > 0) await pushRemainder(message, unsent, delaySeconds, deps);
  const notDeadLettered = await deadLetterRefused(message, refused, deps);
  if (notDeadLettered.length > 0) {
    await pushRemainder(message, notDeadLettered, scheduledDelay('outage', record, deps), deps);
  }
  return DONE;
}

function smtpUtf8Refusal(recipients: readonly string[]): RefusedRecipients[] {
  if (recipients.length === 0) return [];
  const detail = `SES does not speak SMTPUTF8, which ${recipients.length} recipients need`;
  return [{ cause: 'needs-smtputf8', detail, recipients }];
}

/**
 * Delay until any remaining recipient can be retried, but not less than the retry schedule allows: SQS
 * delivers a message a limited number of times, and these must last for its whole retention.
 */
function delayOf({ pace, retryAt }: SendSummary, record: QueuedMessage, deps: ResendDeps): number {
  if (pace !== undefined) return scheduledDelay(pace, record, deps);
  // Only the invocation's time ran out: retry the rest at once.
  if (retryAt === undefined) return 0;
  return Math.max(secondsUntil(retryAt, deps.clock.now()), scheduledDelay('outage', record, deps));
}

function scheduledDelay(pace: RetryPace, { receiveCount }: QueuedMessage, { random }: ResendDeps): number {
  return retryDelaySeconds(pace, receiveCount, random());
}

/** SQS delays a new message by at most 15 minutes. */
const MAX_QUEUE_DELAY_SECONDS = 900;

async function pushRemainder(
  message: FallbackMessage,
  remaining: readonly string[],
  delaySeconds: number,
  { queue, log }: ResendDeps,
): Promise<void> {
  await queue.push(forRecipients(message, remaining), {
    delaySeconds: Math.min(delaySeconds, MAX_QUEUE_DELAY_SECONDS),
    isRemainder: true,
  });
  log.info('recipients-requeued', { deliveryId: message.id, recipients: remaining.length, delaySeconds });
}

/** The mail waits in a queue of its own, so that it is not in the way of mail that may be sent. */
async function hold(
  message: FallbackMessage,
  held: readonly string[],
  { heldQueue, log, metrics }: ResendDeps,
): Promise<void> {
  await heldQueue.push(forRecipients(message, held), { isRemainder: true });
  metrics.add('FuseHeld', held.length);
  log.warn('held-by-fuse', { deliveryId: message.id, recipients: held.length });
}

/** What to do with an SQS message. */
export type RecordResult =
  /** Delete it once the receipts are published. */
  | { readonly kind: 'done'; readonly receipts: readonly Receipt[] }
  /** Keep it in the queue, and receive it again after this delay. */
  | { readonly kind: 'retry'; readonly delaySeconds: number; readonly receipts: readonly Receipt[] };

/** Attributes of a received SQS message. */
interface Receive {
  /** From 1. */
  readonly receiveCount: number;
  readonly sentAt: Date;
  /** Whether it is the remainder of a message that was processed before. */
  readonly isRemainder: boolean;
}

/**
 * Counts a mail on its first receive only; a retry must not look like a new outage. A mail that SMTP was not
 * tried for, since the circuit was open, counts under the failure class that opened it.
 */
function countHandOver(receive: Receive, message: FallbackMessage, metrics: Metrics): void {
  if (!isFresh(receive, message)) return;
  const { failure } = message;
  const recipients = distinctRecipients(message.envelope.to).length;
  metrics.add('HandedOver', recipients, failure?.openedBy ?? failure?.class ?? NOT_TRIED);
  if (failure !== undefined && isServerAtFault(failure)) metrics.add('SmtpDown', recipients);
}

/**
 * The worker hands over within seconds of the failure; a dead letter is redriven after a person has looked at
 * it. The threshold is the maximum clock skew between the API and SQS: missing an outage is worse than
 * counting a dead letter of the last minutes as one.
 */
function isFresh({ receiveCount, sentAt, isRemainder }: Receive, message: FallbackMessage): boolean {
  const waitedMs = sentAt.getTime() - failedAt(message).getTime();
  return receiveCount === 1 && !isRemainder && waitedMs <= CLOCK_SKEW_MS;
}
