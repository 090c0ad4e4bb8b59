import { errorName } from '../../lib/common/errors.ts';
import { distinctRecipients } from '../../lib/domain/address.ts';
import {
  type FallbackMessage,
  forRecipients,
  serialiseFallbackMessage,
} from '../../lib/domain/fallback-message.ts';
import type { DeadLetters, ReceiptQueue } from '../../lib/ports/queues.ts';
import type { Clock, Log, Metrics } from '../../lib/ports/runtime.ts';
import { deadLetteredReceipts, publishReceipts } from './publish-receipts.ts';
import type { RefusedRecipients } from './send-to-recipients.ts';

export interface DeadLetterDeps {
  readonly deadLetters: DeadLetters;
  readonly receipts: ReceiptQueue;
  /** Where SES runs. */
  readonly region: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Dead-letters a message that cannot be parsed; its delivery and tenant are unknown. */
export async function deadLetterUnreadable(
  body: string,
  reason: string,
  detail: string,
  deps: DeadLetterDeps,
): Promise<void> {
  await deps.deadLetters.park(body, { reason, detail });
  countDeadLetter(reason, 0, deps.metrics);
  deps.log.error('dead-lettered', { reason, detail });
}

/**
 * Publishes receipts, then dead-letters the mail. In this order, since a receipt may be published twice after
 * a failure, but a dead letter only once.
 *
 * @param body the message as received
 * @throws if one of the queues did not confirm; the message must stay in its queue
 */
export async function deadLetterMessage(
  body: string,
  message: FallbackMessage,
  reason: string,
  detail: string,
  deps: DeadLetterDeps,
): Promise<void> {
  const { deadLetters, receipts, region, clock, log, metrics } = deps;
  const recipients = distinctRecipients(message.envelope.to);
  await publishReceipts(deadLetteredReceipts(message, region, reason, recipients, clock.now()), receipts);
  await deadLetters.park(body, { reason, detail, deliveryId: message.id });
  countDeadLetter(reason, recipients.length, metrics);
  log.error('dead-lettered', { deliveryId: message.id, reason, detail });
}

/**
 * Sends one dead letter per group, and stops at the first that fails.
 *
 * @returns the recipients without a dead letter
 */
export async function deadLetterRefused(
  message: FallbackMessage,
  refused: readonly RefusedRecipients[],
  deps: DeadLetterDeps,
): Promise<string[]> {
  for (const [index, { reason, detail, recipients }] of refused.entries()) {
    const theirs = forRecipients(message, recipients);
    try {
      await deadLetterMessage(serialiseFallbackMessage(theirs), theirs, reason, detail, deps);
    } catch (error) {
      deps.log.error('dead-letter-failed', { deliveryId: message.id, reason, ...errorName(error) });
      return refused.slice(index).flatMap((group) => group.recipients);
    }
  }
  return [];
}

/** The causes of SES's refusals for ever; to who is on call they are one. */
const REFUSALS_OF_SES: ReadonlySet<string> = new Set([
  'rejected-by-ses',
  'invalid-for-ses',
  'too-large-for-ses',
]);

/**
 * Counts a dead letter.
 *
 * @param recipients its number of recipients; 0 if unknown
 */
function countDeadLetter(reason: string, recipients: number, metrics: Metrics): void {
  metrics.add('DeadLettered', 1, REFUSALS_OF_SES.has(reason) ? 'refused-by-ses' : reason);
  if (reason === 'expired') metrics.add('Expired', recipients);
}
