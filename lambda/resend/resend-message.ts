import { errorName } from '../../lib/common/errors.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import { distinctRecipients, needsSmtpUtf8, withAsciiDomain } from '../../lib/domain/address.ts';
import { CLOCK_SKEW_MS, isServerAtFault } from '../../lib/domain/failure.ts';
import {
  type FallbackMessage,
  failedAt,
  forRecipients,
  parseFallbackMessage,
  serialiseFallbackMessage,
} from '../../lib/domain/fallback-message.ts';
import { QUEUE_RETENTION_DAYS } from '../../lib/domain/limits.ts';
import { NOT_TRIED } from '../../lib/domain/metrics.ts';
import { validateHeaders } from '../../lib/domain/mime-headers.ts';
import type { Receipt } from '../../lib/domain/receipt.ts';
import { type RetryPace, retryDelaySeconds } from '../../lib/domain/retry.ts';
import type { Ledger, SendBatch } from '../../lib/ports/ledger.ts';
import type { FallbackQueue } from '../../lib/ports/queues.ts';
import type { Metrics } from '../../lib/ports/runtime.ts';
import { type ContentSources, contentHash, loadContent, validateSender } from './content.ts';
import {
  type DeadLetterDeps,
  deadLetterMessage,
  deadLetterRefused,
  deadLetterUnreadable,
} from './dead-letter.ts';
import { countSuppressed, publishReceipts, sentReceipts, suppressedReceipts } from './publish-receipts.ts';
import { isFree, isUnresolved, type PendingBatch, planSends } from './send-plan.ts';
import {
  type RefusedRecipients,
  type SendDeps,
  type SendSummary,
  sendToRecipients,
} from './send-to-recipients.ts';
import { nextAttemptAt, observeEvents, type SendEventDeps } from './wait-for-send-event.ts';

export interface ResendDeps extends Omit<SendDeps, 'hasTime'>, DeadLetterDeps {
  readonly sources: ContentSources;
  readonly queue: FallbackQueue;
  readonly fromDomain: string;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** One SQS message as the function gets it. */
export interface QueuedMessage extends Receive {
  readonly body: string;
  /** True as long as the invocation has time for one more SES call. */
  readonly hasTime: () => boolean;
}

const DONE: RecordResult = { kind: 'done', receipts: [] };

/**
 * Resends one message, or parks it with the reason where it can never be sent.
 *
 * @throws where a service that is needed does not answer; the message then stays in the queue
 */
export async function resendMessage(record: QueuedMessage, deps: ResendDeps): Promise<RecordResult> {
  const { body } = record;
  const parsed = parseFallbackMessage(body);
  // Also when there is no time left: the next receive is not the first one any more.
  if (parsed.kind === 'message') countHandOver(record, parsed.message, deps.metrics);
  if (!record.hasTime()) {
    return { kind: 'retry', delaySeconds: scheduledDelay('rate', record, deps), receipts: [] };
  }
  if (parsed.kind === 'unreadable') {
    await deadLetterUnreadable(body, parsed.reason, parsed.detail, deps);
    return DONE;
  }
  const { message } = parsed;
  const expiry = expiryOf(message, record.sentAt, deps.clock.now());
  if (expiry !== undefined) return resolveExpired(body, message, expiry, deps);

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
 * Sends to whom it can, parks the recipients that can never be sent to, and keeps the others. Once anyone is settled,
 * those left go back as a narrower message: what is parked must not be parked again.
 */
async function sendToAll(
  message: FallbackMessage,
  mime: Buffer,
  record: QueuedMessage,
  deps: ResendDeps,
): Promise<RecordResult> {
  const recipients = distinctRecipients(message.envelope.to);
  const contentSha256 = contentHash(message, mime);
  const offered = await sendToRecipients(
    {
      message,
      mime,
      contentSha256,
      from: withAsciiDomain(message.envelope.from),
      recipients: recipients.filter((recipient) => !needsSmtpUtf8(recipient)),
    },
    { ...deps, hasTime: record.hasTime },
  );
  if (offered.kind === 'conflict') {
    const detail = `the id was used for content ${offered.contentSha256} before, and now for ${contentSha256}`;
    await deadLetterMessage(record.body, message, 'id-conflict', detail, deps);
    return DONE;
  }

  const refused = [...smtpUtf8Refusal(recipients.filter(needsSmtpUtf8)), ...offered.refused];
  const receipts = [
    ...sentReceipts(message, deps.region, offered.sent),
    ...suppressedReceipts(message, deps.region, offered.suppressed, deps.clock.now()),
  ];
  if (offered.retryAt !== undefined) {
    deps.log.info('send-event-awaited', { deliveryId: message.id, until: offered.retryAt.toISOString() });
  }
  const { unsent } = offered;
  if (unsent.length === 0 && refused.length === 0) return { kind: 'done', receipts };
  const delaySeconds = delayOf(offered, record, deps);
  if (unsent.length === recipients.length) {
    return {
      kind: 'retry',
      delaySeconds: Math.max(delaySeconds, scheduledDelay('rate', record, deps)),
      receipts,
    };
  }
  // What follows is done once: the message must not come again because the API could not be told.
  await publishReceipts(receipts, deps.receipts);
  countSuppressed(receipts, deps.metrics);
  if (unsent.length > 0) await pushWhatIsLeft(message, unsent, delaySeconds, deps);
  const notParked = await deadLetterRefused(message, refused, deps);
  if (notParked.length > 0) {
    await pushWhatIsLeft(message, notParked, scheduledDelay('outage', record, deps), deps);
  }
  return DONE;
}

function smtpUtf8Refusal(recipients: readonly string[]): RefusedRecipients[] {
  if (recipients.length === 0) return [];
  const detail = `SES does not speak SMTPUTF8, which ${recipients.length} recipients need`;
  return [{ reason: 'needs-smtputf8', detail, recipients }];
}

/**
 * The soonest at which any of those left can be helped, and not sooner than the schedule of tries allows: SQS hands a
 * message out a limited number of times, and they must outlast its retention.
 */
function delayOf({ pace, retryAt }: SendSummary, record: QueuedMessage, deps: ResendDeps): number {
  if (pace !== undefined) return scheduledDelay(pace, record, deps);
  // Only the time ran out: what is left may go on at once.
  if (retryAt === undefined) return 0;
  return Math.max(secondsUntil(retryAt, deps.clock.now()), scheduledDelay('outage', record, deps));
}

function scheduledDelay(pace: RetryPace, { receiveCount }: QueuedMessage, { random }: ResendDeps): number {
  return retryDelaySeconds(pace, receiveCount, random());
}

/** SQS keeps a new message back for at most 15 minutes. */
const MAX_QUEUE_DELAY_SECONDS = 900;

async function pushWhatIsLeft(
  message: FallbackMessage,
  left: readonly string[],
  delaySeconds: number,
  { queue, log }: ResendDeps,
): Promise<void> {
  await queue.push(forRecipients(message, left), {
    delaySeconds: Math.min(delaySeconds, MAX_QUEUE_DELAY_SECONDS),
    isRemainder: true,
  });
  log.info('recipients-requeued', { deliveryId: message.id, recipients: left.length, delaySeconds });
}

interface Late {
  readonly reason: 'expired' | 'retention-ends';
  readonly detail: string;
}

/** A day before SQS would delete it unseen. */
const MAX_STAY_MS = (QUEUE_RETENTION_DAYS - 1) * DAY_MS;

/** Why a mail is not to be sent any more, or nothing where it is. */
function expiryOf(message: FallbackMessage, sentAt: Date, now: Date): Late | undefined {
  if (message.expiresAt !== undefined && new Date(message.expiresAt) <= now) {
    return { reason: 'expired', detail: `it expired at ${message.expiresAt}` };
  }
  if (now.getTime() - sentAt.getTime() > MAX_STAY_MS) {
    return { reason: 'retention-ends', detail: `in the queue since ${sentAt.toISOString()}` };
  }
  return undefined;
}

/**
 * Parks what is late for the recipients that it was not sent to. Where a call may be under way, or its event may yet
 * come, it waits for that.
 *
 * @throws where receipts or dead letters do not answer, or the ledger, as long as the queue keeps the message; the
 * message then stays there
 */
async function resolveExpired(
  body: string,
  message: FallbackMessage,
  late: Late,
  parts: LateParts,
): Promise<RecordResult> {
  const known = await partsOrNothing(message.id, late, parts);
  if (known === undefined) {
    const detail = `${late.detail}; the ledger could not be asked: it may have been sent`;
    await deadLetterMessage(body, message, late.reason, detail, parts);
    return { kind: 'done', receipts: [] };
  }
  const recipients = distinctRecipients(message.envelope.to);
  const observed = await observeEvents(known, parts);
  const now = parts.clock.now();
  const plan = planSends(recipients, contentOf(known), known, (batch) => nextAttemptAt(batch, observed, now));
  if (plan.kind === 'conflict') {
    const detail = 'the ledger holds two contents of the id';
    await deadLetterMessage(body, message, 'id-conflict', detail, parts);
    return { kind: 'done', receipts: [] };
  }
  const { sent, waiting, pending } = plan;
  const first = waiting.map(({ until }) => until).sort((one, other) => one.getTime() - other.getTime())[0];
  if (first !== undefined) {
    return { kind: 'retry', delaySeconds: secondsUntil(first, parts.clock.now()), receipts: [] };
  }
  await parkUnsent(body, message, late, pending, parts);
  return { kind: 'done', receipts: sentReceipts(message, parts.region, sent) };
}

type LateParts = DeadLetterDeps & SendEventDeps & { readonly ledger: Ledger };

/** A mail that SQS is about to delete does not wait for a ledger that does not answer. */
async function partsOrNothing(
  deliveryId: string,
  { reason }: Late,
  { ledger, log }: LateParts,
): Promise<SendBatch[] | undefined> {
  try {
    return await ledger.partsOf(deliveryId);
  } catch (error) {
    if (reason !== 'retention-ends') throw error;
    log.error('service-failed', { deliveryId, ...errorName(error) });
    return undefined;
  }
}

/** A late mail is not looked into: it counts as the one that the ledger knows. */
function contentOf(known: readonly SendBatch[]): string {
  const holding = known.find((batch) => batch.contentSha256 !== undefined && !isFree(batch)) ?? known[0];
  return holding?.contentSha256 ?? '';
}

async function parkUnsent(
  body: string,
  message: FallbackMessage,
  { reason, detail }: Late,
  calls: readonly PendingBatch[],
  parts: LateParts,
): Promise<void> {
  const unsent = calls.flatMap((call) => call.recipients);
  if (unsent.length === 0) return;
  const lost = calls.filter(({ before }) => before !== undefined && isUnresolved(before)).length;
  const doubt = lost > 0 ? '; a call of SES ended without an answer, and no event told of it' : '';
  const isWhole = unsent.length === distinctRecipients(message.envelope.to).length;
  const theirs = isWhole ? message : forRecipients(message, unsent);
  await deadLetterMessage(
    isWhole ? body : serialiseFallbackMessage(theirs),
    theirs,
    reason,
    `${detail}${doubt}`,
    parts,
  );
  if (lost > 0) parts.metrics.add('UnknownOutcomesResolved', lost, 'parked');
}

/** What becomes of a message of the queue. */
export type RecordResult =
  /** Nothing of it is left to do, once the receipts are on their way. */
  | { readonly kind: 'done'; readonly receipts: readonly Receipt[] }
  /** It stays in the queue, and comes back after this time. */
  | { readonly kind: 'retry'; readonly delaySeconds: number; readonly receipts: readonly Receipt[] };

/** What SQS says of a message. */
interface Receive {
  /** From 1. */
  readonly receiveCount: number;
  readonly sentAt: Date;
  /** Whether it is what is left of a message that was worked. */
  readonly isRemainder: boolean;
}

/**
 * Counts a mail when it comes for the first time; what comes again must not look like a new outage. A mail that SMTP was
 * not offered, since the server is down, counts as what the server is down by.
 */
function countHandOver(receive: Receive, message: FallbackMessage, metrics: Metrics): void {
  if (!isFresh(receive, message)) return;
  const { failure } = message;
  const recipients = distinctRecipients(message.envelope.to).length;
  metrics.add('HandedOver', recipients, failure?.openedBy ?? failure?.class ?? NOT_TRIED);
  if (failure !== undefined && isServerAtFault(failure)) metrics.add('SmtpDown', recipients);
}

/**
 * The worker hands over within seconds of the failure; a dead letter comes back when a person has looked. Between
 * them stands the most that the clocks of the API and SQS may differ: an outage that nobody sees is worse than a dead
 * letter of the last minutes that counts as one.
 */
function isFresh({ receiveCount, sentAt, isRemainder }: Receive, message: FallbackMessage): boolean {
  const waitedMs = sentAt.getTime() - failedAt(message).getTime();
  return receiveCount === 1 && !isRemainder && waitedMs <= CLOCK_SKEW_MS;
}

/** The longest that SQS keeps a message back by its visibility: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
const MAX_POSTPONEMENT_SECONDS = 11 * 60 * 60;

/** Whole seconds, at least one: a message that comes back too early has to wait again. */
function secondsUntil(moment: Date, now: Date): number {
  const seconds = Math.ceil((moment.getTime() - now.getTime()) / 1000);
  return Math.min(Math.max(seconds, 1), MAX_POSTPONEMENT_SECONDS);
}
