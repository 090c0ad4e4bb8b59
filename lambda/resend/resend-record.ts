import { needsSmtpUtf8, withAsciiDomain } from '../../lib/message/address.ts';
import { type Envelope, parseEnvelope } from '../../lib/message/envelope.ts';
import { headerFlaw } from '../../lib/message/header-section.ts';
import { distinctRecipients } from '../../lib/message/recipients.ts';
import { type RetryPace, retryDelaySeconds } from '../../lib/message/retry-schedule.ts';
import type { FallbackQueue } from '../../lib/ports/fallback-queue.ts';
import { contentHash } from './content-hash.ts';
import { countHandOver, type Receive } from './count-hand-over.ts';
import { countTold } from './count-told.ts';
import { secondsUntil } from './delay.ts';
import { type ContentSources, loadContent } from './load-content.ts';
import { narrowed } from './narrowed.ts';
import { type Offered, type OfferParts, offerToSes, type RefusedRecipients } from './offer-to-ses.ts';
import { type ParkParts, parkMail, parkRefused, parkUnreadable } from './park.ts';
import type { RecordResult } from './record-result.ts';
import { lateness, resendLate } from './resend-late.ts';
import { foreignSender } from './sender-check.ts';
import { sentReceipts, suppressedReceipts, tell } from './tell.ts';

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
