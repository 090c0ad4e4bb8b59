import { errorName } from '../../lib/common/errors.ts';
import { distinctRecipients } from '../../lib/domain/address.ts';
import {
  type FallbackMessage,
  forRecipients,
  type ParsedFallbackMessage,
  serialiseFallbackMessage,
} from '../../lib/domain/fallback-message.ts';
import type { DeadLetterCause, DeadLetters, ReceiptQueue } from '../../lib/ports/queues.ts';
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

type UnreadableMessage = Extract<ParsedFallbackMessage, { kind: 'unreadable' }>;

/**
 * Dead-letters a message that breaks the contract. Its delivery hears of it as far as its id and its recipients can
 * be read.
 *
 * @throws as {@link deadLetterMessage}
 */
export async function deadLetterUnreadable(
  body: string,
  { reason: cause, detail, subject, split }: UnreadableMessage,
  deps: DeadLetterDeps,
): Promise<void> {
  const { id: deliveryId, tenantId, recipients } = subject;
  // A split message is sent to those who can be read.
  if (deliveryId !== undefined && split === undefined) {
    await publishFailed({ id: deliveryId, tenantId }, cause, distinctRecipients(recipients), deps);
  }
  await park(split?.refused ?? body, { cause, detail, deliveryId, tenantId }, 0, deps);
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
  cause: string,
  detail: string,
  deps: DeadLetterDeps,
): Promise<void> {
  const recipients = distinctRecipients(message.envelope.to);
  await publishFailed(message, cause, recipients, deps);
  const { id: deliveryId, tenantId } = message;
  await park(body, { cause, detail, deliveryId, tenantId }, recipients.length, deps);
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
  for (const [index, { cause, detail, recipients }] of refused.entries()) {
    const theirs = forRecipients(message, recipients);
    try {
      await deadLetterMessage(serialiseFallbackMessage(theirs), theirs, cause, detail, deps);
    } catch (error) {
      deps.log.error('dead-letter-failed', { deliveryId: message.id, cause, ...errorName(error) });
      return refused.slice(index).flatMap((group) => group.recipients);
    }
  }
  return [];
}

async function publishFailed(
  delivery: Pick<FallbackMessage, 'id' | 'tenantId'>,
  cause: string,
  recipients: readonly string[],
  { receipts, region, clock }: DeadLetterDeps,
): Promise<void> {
  await publishReceipts(deadLetteredReceipts(delivery, region, cause, recipients, clock.now()), receipts);
}

/** @param recipients how many it has, for the metrics; 0 if unknown */
async function park(
  body: string,
  why: DeadLetterCause,
  recipients: number,
  { deadLetters, log, metrics }: DeadLetterDeps,
): Promise<void> {
  await deadLetters.park(body, why);
  countDeadLetter(why.cause, recipients, metrics);
  log.error('dead-lettered', { ...why });
}

/** The causes of SES's refusals for ever; to who is on call they are one. */
const REFUSALS_OF_SES: ReadonlySet<string> = new Set([
  'rejected-by-ses',
  'invalid-for-ses',
  'too-large-for-ses',
]);

function countDeadLetter(cause: string, recipients: number, metrics: Metrics): void {
  metrics.add('DeadLettered', 1, REFUSALS_OF_SES.has(cause) ? 'refused-by-ses' : cause);
  if (cause === 'expired') metrics.add('Expired', recipients);
}
