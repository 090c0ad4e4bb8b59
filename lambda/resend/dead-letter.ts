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

/** Parks a message that nobody can read; whose it is nobody can say. */
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
 * Parks a mail, and tells the API. In this order: a letter is parked once, a receipt may come twice.
 *
 * @param body the message as it came
 * @throws where one of the queues did not confirm; the message must stay where it is
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

/** Parks each group as a letter of its own, up to the first that could not be parked; who is left is returned. */
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
 * Counts a letter that is parked.
 *
 * @param recipients how many it is for; 0 where nobody can say
 */
function countDeadLetter(reason: string, recipients: number, metrics: Metrics): void {
  metrics.add('DeadLettered', 1, REFUSALS_OF_SES.has(reason) ? 'refused-by-ses' : reason);
  if (reason === 'expired') metrics.add('Expired', recipients);
}
