import { errorName } from '../../lib/common/errors.ts';
import { distinctRecipients, needsSmtpUtf8, withAsciiDomain } from '../../lib/domain/address.ts';
import { CLOCK_SKEW_MS, isServerAtFault } from '../../lib/domain/failure.ts';
import {
  type Envelope,
  failedAtOf,
  narrowed,
  parseEnvelope,
  serialiseEnvelope,
} from '../../lib/domain/fallback-message.ts';
import { QUEUE_RETENTION_DAYS } from '../../lib/domain/limits.ts';
import { NOT_TRIED } from '../../lib/domain/metrics.ts';
import { headerFlaw } from '../../lib/domain/mime-headers.ts';
import type { Receipt } from '../../lib/domain/receipt.ts';
import { type RetryPace, retryDelaySeconds } from '../../lib/domain/retry.ts';
import type { Ledger, LedgerPart } from '../../lib/ports/ledger.ts';
import type { FallbackQueue } from '../../lib/ports/queues.ts';
import type { Metrics } from '../../lib/ports/runtime.ts';
import { type ContentSources, contentHash, foreignSender, loadContent } from './content.ts';
import { type ParkParts, parkMail, parkRefused, parkUnreadable } from './dead-letter.ts';
import { countTold, sentReceipts, suppressedReceipts, tell } from './publish-receipts.ts';
import { type Callable, isFree, isInDoubt, standingOf } from './send-plan.ts';
import { type Offered, type OfferParts, offerToSes, type RefusedRecipients } from './send-to-recipients.ts';
import { type EventWaitParts, heldUntilOf } from './wait-for-send-event.ts';

export interface ResendParts extends Omit<OfferParts, 'hasTime'>, ParkParts {
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
export async function resendRecord(message: QueuedMessage, parts: ResendParts): Promise<RecordResult> {
  const { body } = message;
  const parsed = parseEnvelope(body);
  // Also where there is no time for more: when it comes again, it does not come for the first time.
  if (parsed.kind === 'envelope') countHandOver(message, parsed.envelope, parts.metrics);
  if (!message.hasTime()) {
    return { kind: 'retry', delaySeconds: scheduledDelay('rate', message, parts), receipts: [] };
  }
  if (parsed.kind === 'unreadable') {
    await parkUnreadable(body, parsed.reason, parsed.detail, parts);
    return DONE;
  }
  const { envelope } = parsed;
  const late = lateness(envelope, message.sentAt, parts.clock.now());
  if (late !== undefined) return resendLate(body, envelope, late, parts);

  const checked = await checkedContent(envelope, parts);
  if (checked.kind === 'mime') return sendToAll(envelope, checked.mime, message, parts);
  await parkMail(body, envelope, checked.reason, checked.detail, parts);
  return DONE;
}

type CheckedContent =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  | { readonly kind: 'unsendable'; readonly reason: string; readonly detail: string };

async function checkedContent(envelope: Envelope, parts: ResendParts): Promise<CheckedContent> {
  const content = await loadContent(envelope, parts.sources);
  if (content.kind === 'unreadable') return { ...content, kind: 'unsendable' };
  const flaw = headerFlaw(content.mime);
  if (flaw !== undefined) return { ...flaw, kind: 'unsendable' };
  const foreign = foreignSender(envelope.envelope.from, content.mime, parts.fromDomain);
  if (foreign !== undefined) return { kind: 'unsendable', reason: 'foreign-sender', detail: foreign };
  return content;
}

/**
 * Sends to whom it can, parks the recipients that can never be sent to, and keeps the others. Once anyone is settled,
 * those left go back as a narrower message: what is parked must not be parked again.
 */
async function sendToAll(
  envelope: Envelope,
  mime: Buffer,
  message: QueuedMessage,
  parts: ResendParts,
): Promise<RecordResult> {
  const recipients = distinctRecipients(envelope.envelope.to);
  const contentSha256 = contentHash(envelope, mime);
  const offered = await offerToSes(
    {
      envelope,
      mime,
      contentSha256,
      from: withAsciiDomain(envelope.envelope.from),
      recipients: recipients.filter((recipient) => !needsSmtpUtf8(recipient)),
    },
    { ...parts, hasTime: message.hasTime },
  );
  if (offered.kind === 'conflict') {
    const detail = `the id was used for content ${offered.contentSha256} before, and now for ${contentSha256}`;
    await parkMail(message.body, envelope, 'id-conflict', detail, parts);
    return DONE;
  }

  const refused = [...smtpUtf8Refusal(recipients.filter(needsSmtpUtf8)), ...offered.refused];
  const receipts = [
    ...sentReceipts(envelope, parts.region, offered.taken),
    ...suppressedReceipts(envelope, parts.region, offered.suppressed, parts.clock.now()),
  ];
  if (offered.heldUntil !== undefined) {
    parts.log.info('held', { deliveryId: envelope.id, until: offered.heldUntil.toISOString() });
  }
  const { left } = offered;
  if (left.length === 0 && refused.length === 0) return { kind: 'done', receipts };
  const delaySeconds = delayOf(offered, message, parts);
  if (left.length === recipients.length) {
    return {
      kind: 'retry',
      delaySeconds: Math.max(delaySeconds, scheduledDelay('rate', message, parts)),
      receipts,
    };
  }
  // What follows is done once: the message must not come again because the API could not be told.
  await tell(receipts, parts.receipts);
  countTold(receipts, parts.metrics);
  if (left.length > 0) await pushWhatIsLeft(envelope, left, delaySeconds, parts);
  const notParked = await parkRefused(envelope, refused, parts);
  if (notParked.length > 0) {
    await pushWhatIsLeft(envelope, notParked, scheduledDelay('outage', message, parts), parts);
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
function delayOf({ pace, heldUntil }: Offered, message: QueuedMessage, parts: ResendParts): number {
  if (pace !== undefined) return scheduledDelay(pace, message, parts);
  // Only the time ran out: what is left may go on at once.
  if (heldUntil === undefined) return 0;
  return Math.max(secondsUntil(heldUntil, parts.clock.now()), scheduledDelay('outage', message, parts));
}

function scheduledDelay(pace: RetryPace, { receiveCount }: QueuedMessage, { random }: ResendParts): number {
  return retryDelaySeconds(pace, receiveCount, random());
}

/** SQS keeps a new message back for at most 15 minutes. */
const LONGEST_QUEUE_DELAY_SECONDS = 900;

async function pushWhatIsLeft(
  envelope: Envelope,
  left: readonly string[],
  delaySeconds: number,
  { queue, log }: ResendParts,
): Promise<void> {
  await queue.push(narrowed(envelope, left), {
    delaySeconds: Math.min(delaySeconds, LONGEST_QUEUE_DELAY_SECONDS),
    isRemainder: true,
  });
  log.info('narrowed', { deliveryId: envelope.id, recipients: left.length, delaySeconds });
}

interface Late {
  readonly reason: 'expired' | 'retention-ends';
  readonly detail: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** A day before SQS would delete it unseen. */
const LONGEST_STAY_MS = (QUEUE_RETENTION_DAYS - 1) * DAY_MS;

/** Why a mail is not to be sent any more, or nothing where it is. */
function lateness(envelope: Envelope, sentAt: Date, now: Date): Late | undefined {
  if (envelope.expiresAt !== undefined && new Date(envelope.expiresAt) <= now) {
    return { reason: 'expired', detail: `it expired at ${envelope.expiresAt}` };
  }
  if (now.getTime() - sentAt.getTime() > LONGEST_STAY_MS) {
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
async function resendLate(
  body: string,
  envelope: Envelope,
  late: Late,
  parts: LateParts,
): Promise<RecordResult> {
  const known = await partsOrNothing(envelope.id, late, parts);
  if (known === undefined) {
    const detail = `${late.detail}; the ledger could not be asked: it may have been sent`;
    await parkMail(body, envelope, late.reason, detail, parts);
    return { kind: 'done', receipts: [] };
  }
  const recipients = distinctRecipients(envelope.envelope.to);
  const standing = standingOf(recipients, contentOf(known), known, await heldUntilOf(known, parts));
  if (standing.kind === 'conflict') {
    const detail = 'the ledger holds two contents of the id';
    await parkMail(body, envelope, 'id-conflict', detail, parts);
    return { kind: 'done', receipts: [] };
  }
  const { taken, held, calls } = standing;
  const first = held.map(({ until }) => until).sort((one, other) => one.getTime() - other.getTime())[0];
  if (first !== undefined) {
    return { kind: 'retry', delaySeconds: secondsUntil(first, parts.clock.now()), receipts: [] };
  }
  await parkUnsent(body, envelope, late, calls, parts);
  return { kind: 'done', receipts: sentReceipts(envelope, parts.region, taken) };
}

type LateParts = ParkParts & EventWaitParts & { readonly ledger: Ledger };

/** A mail that SQS is about to delete does not wait for a ledger that does not answer. */
async function partsOrNothing(
  deliveryId: string,
  { reason }: Late,
  { ledger, log }: LateParts,
): Promise<LedgerPart[] | undefined> {
  try {
    return await ledger.partsOf(deliveryId);
  } catch (error) {
    if (reason !== 'retention-ends') throw error;
    log.error('service-failed', { deliveryId, ...errorName(error) });
    return undefined;
  }
}

/** A late mail is not looked into: it counts as the one that the ledger knows. */
function contentOf(known: readonly LedgerPart[]): string {
  const holding = known.find((part) => part.contentSha256 !== undefined && !isFree(part)) ?? known[0];
  return holding?.contentSha256 ?? '';
}

async function parkUnsent(
  body: string,
  envelope: Envelope,
  { reason, detail }: Late,
  calls: readonly Callable[],
  parts: LateParts,
): Promise<void> {
  const unsent = calls.flatMap((call) => call.recipients);
  if (unsent.length === 0) return;
  const lost = calls.filter(({ before }) => before !== undefined && isInDoubt(before)).length;
  const doubt = lost > 0 ? '; a call of SES ended without an answer, and no event told of it' : '';
  const isWhole = unsent.length === distinctRecipients(envelope.envelope.to).length;
  const theirs = isWhole ? envelope : narrowed(envelope, unsent);
  await parkMail(isWhole ? body : serialiseEnvelope(theirs), theirs, reason, `${detail}${doubt}`, parts);
  if (lost > 0) parts.metrics.add('LostAnswersSettled', lost, 'parked');
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
function countHandOver(receive: Receive, envelope: Envelope, metrics: Metrics): void {
  if (!isFresh(receive, envelope)) return;
  const { failure } = envelope;
  const recipients = distinctRecipients(envelope.envelope.to).length;
  metrics.add('HandedOver', recipients, failure?.openedBy ?? failure?.class ?? NOT_TRIED);
  if (failure !== undefined && isServerAtFault(failure)) metrics.add('SmtpDown', recipients);
}

/**
 * The worker hands over within seconds of the failure; a dead letter comes back when a person has looked. Between
 * them stands the most that the clocks of the API and SQS may differ: an outage that nobody sees is worse than a dead
 * letter of the last minutes that counts as one.
 */
function isFresh({ receiveCount, sentAt, isRemainder }: Receive, envelope: Envelope): boolean {
  const waitedMs = sentAt.getTime() - failedAtOf(envelope).getTime();
  return receiveCount === 1 && !isRemainder && waitedMs <= CLOCK_SKEW_MS;
}

/** The longest that SQS keeps a message back by its visibility: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
const LONGEST_POSTPONEMENT_SECONDS = 11 * 60 * 60;

/** Whole seconds, at least one: a message that comes back too early has to wait again. */
function secondsUntil(moment: Date, now: Date): number {
  const seconds = Math.ceil((moment.getTime() - now.getTime()) / 1000);
  return Math.min(Math.max(seconds, 1), LONGEST_POSTPONEMENT_SECONDS);
}
