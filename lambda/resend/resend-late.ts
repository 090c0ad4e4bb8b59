import { type Envelope, serialiseEnvelope } from '../../lib/message/envelope.ts';
import { QUEUE_RETENTION_DAYS } from '../../lib/message/limits.ts';
import { distinctRecipients } from '../../lib/message/recipients.ts';
import { errorName } from '../../lib/ports/error-name.ts';
import type { Ledger, LedgerPart } from '../../lib/ports/ledger.ts';
import { secondsUntil } from './delay.ts';
import { type EventWaitParts, heldUntilOf } from './event-wait.ts';
import { narrowed } from './narrowed.ts';
import { type ParkParts, parkMail } from './park.ts';
import type { RecordResult } from './record-result.ts';
import { type Callable, isFree, isInDoubt, standingOf } from './standing.ts';
import { sentReceipts } from './tell.ts';

export interface Late {
  readonly reason: 'expired' | 'retention-ends';
  readonly detail: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** A day before SQS would delete it unseen. */
const LONGEST_STAY_MS = (QUEUE_RETENTION_DAYS - 1) * DAY_MS;

/** Why a mail is not to be sent any more, or nothing where it is. */
export function lateness(envelope: Envelope, sentAt: Date, now: Date): Late | undefined {
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
export async function resendLate(
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
