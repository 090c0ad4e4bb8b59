import { errorName } from './error-name.ts';
import type { Log } from './log.ts';
import type { Redelivery } from './redelivery.ts';

/**
 * Sets when a record comes again that stays in its queue. It does not throw: where the queue does not confirm it, its
 * own visibility timeout brings the record back, only not at the time that was wanted.
 */
export async function postponeRecord(
  record: { readonly messageId: string; readonly receiptHandle: string },
  delaySeconds: number,
  { redelivery, log }: { readonly redelivery: Redelivery; readonly log: Log },
): Promise<void> {
  try {
    await redelivery.postpone(record.receiptHandle, delaySeconds);
  } catch (error) {
    log.warn('not-postponed', { queueMessageId: record.messageId, ...errorName(error) });
  }
}
