import { type Envelope, serialiseEnvelope } from '../../lib/message/envelope.ts';
import { distinctRecipients } from '../../lib/message/recipients.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import type { DeadLetters } from '../../lib/ports/dead-letters.ts';
import { errorName } from '../../lib/ports/error-name.ts';
import type { Log } from '../../lib/ports/log.ts';
import type { Metrics } from '../../lib/ports/metrics.ts';
import type { ReceiptQueue } from '../../lib/ports/receipt-queue.ts';
import { countDeadLetter } from './count-dead-letter.ts';
import { narrowed } from './narrowed.ts';
import type { RefusedRecipients } from './offer-to-ses.ts';
import { parkedReceipts, tell } from './tell.ts';

export interface ParkParts {
  readonly deadLetters: DeadLetters;
  readonly receipts: ReceiptQueue;
  /** Where SES runs. */
  readonly region: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Parks a message that nobody can read; whose it is nobody can say. */
export async function parkUnreadable(
  body: string,
  reason: string,
  detail: string,
  parts: ParkParts,
): Promise<void> {
  await parts.deadLetters.park(body, { reason, detail });
  countDeadLetter(reason, 0, parts.metrics);
  parts.log.error('dead-lettered', { reason, detail });
}

/**
 * Parks a mail, and tells the API. In this order: a letter is parked once, a receipt may come twice.
 *
 * @param body the message as it came
 * @throws where one of the queues did not confirm; the message must stay where it is
 */
export async function parkMail(
  body: string,
  envelope: Envelope,
  reason: string,
  detail: string,
  parts: ParkParts,
): Promise<void> {
  const { deadLetters, receipts, region, clock, log, metrics } = parts;
  const recipients = distinctRecipients(envelope.envelope.to);
  await tell(parkedReceipts(envelope, region, reason, recipients, clock.now()), receipts);
  await deadLetters.park(body, { reason, detail, deliveryId: envelope.id });
  countDeadLetter(reason, recipients.length, metrics);
  log.error('dead-lettered', { deliveryId: envelope.id, reason, detail });
}

/** Parks each group as a letter of its own, up to the first that could not be parked; who is left is returned. */
export async function parkRefused(
  envelope: Envelope,
  refused: readonly RefusedRecipients[],
  parts: ParkParts,
): Promise<string[]> {
  for (const [index, { reason, detail, recipients }] of refused.entries()) {
    const theirs = narrowed(envelope, recipients);
    try {
      await parkMail(serialiseEnvelope(theirs), theirs, reason, detail, parts);
    } catch (error) {
      parts.log.error('not-parked', { deliveryId: envelope.id, reason, ...errorName(error) });
      return refused.slice(index).flatMap((group) => group.recipients);
    }
  }
  return [];
}
