import { type Envelope, serialiseEnvelope } from '../../lib/message/envelope.ts';
import { QUEUE_RETENTION_DAYS } from '../../lib/message/limits.ts';
import { distinctRecipients } from '../../lib/message/recipients.ts';
import type { Ledger } from '../../lib/ports/ledger.ts';
import { secondsUntil } from './delay.ts';
import { type EventWaitParts, heldUntilOf } from './event-wait.ts';
import { narrowed } from './narrowed.ts';
import { type ParkParts, parkMail } from './park.ts';
import type { RecordResult } from './record-result.ts';
import { isInDoubt, standingOf } from './standing.ts';
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
 * @throws where ledger, receipts or dead letters do not answer; the message then stays in the queue
 */
export async function resendLate(
  body: string,
  envelope: Envelope,
  { reason, detail }: Late,
  parts: ParkParts & EventWaitParts & { readonly ledger: Ledger },
): Promise<RecordResult> {
  const known = await parts.ledger.partsOf(envelope.id);
  const recipients = distinctRecipients(envelope.envelope.to);
  const content = known.find(({ contentSha256 }) => contentSha256 !== undefined)?.contentSha256 ?? '';
  const standing = standingOf(recipients, content, known, await heldUntilOf(known, parts));
  // One id has one content in the ledger.
  if (standing.kind === 'conflict') throw new Error(`the ledger holds two contents of ${envelope.id}`);

  const { taken, held, calls } = standing;
  const first = held.map(({ until }) => until).sort((one, other) => one.getTime() - other.getTime())[0];
  if (first !== undefined) {
    return { kind: 'retry', delaySeconds: secondsUntil(first, parts.clock.now()), receipts: [] };
  }
  const unsent = calls.flatMap((call) => call.recipients);
  if (unsent.length > 0) {
    const inDoubt = calls.some(({ before }) => before !== undefined && isInDoubt(before));
    const doubt = inDoubt ? '; a call of SES ended without an answer, and no event told of it' : '';
    const whole = unsent.length === recipients.length;
    const theirs = whole ? envelope : narrowed(envelope, unsent);
    await parkMail(whole ? body : serialiseEnvelope(theirs), theirs, reason, `${detail}${doubt}`, parts);
  }
  return { kind: 'done', receipts: sentReceipts(envelope, parts.region, taken) };
}
