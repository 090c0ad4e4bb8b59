import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { errorName } from '../../lib/common/errors.ts';
import type { Receipt } from '../../lib/domain/receipt.ts';
import { retryDelaySeconds } from '../../lib/domain/retry.ts';
import type { Redelivery } from '../../lib/ports/queues.ts';
import { postponeRecord, REMAINDER_ATTRIBUTE, secondsInQueue } from '../../lib/ports/queues.ts';
import { countSuppressed } from './publish-receipts.ts';
import type { RecordResult } from './resend-message.ts';
import { type ResendDeps, resendMessage } from './resend-message.ts';

export interface BatchDeps extends ResendDeps {
  readonly redelivery: Redelivery;
  /** Whether the records are mail that the reputation fuse held before. */
  readonly isHeld: boolean;
  /** True as long as the invocation has time for one more SES call. */
  readonly hasTime: () => boolean;
}

/**
 * Processes the records of a batch side by side: each call to SES waits for its turn. SQS keeps the records named in
 * the response and deletes the others. A record that fails does not affect the others.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export async function resendBatch(records: readonly SQSRecord[], deps: BatchDeps): Promise<SQSBatchResponse> {
  const processed: Processed[] = await Promise.all(
    records.map(async (record) => ({ record, result: await resendSafely(record, deps) })),
  );
  const receipts = processed.flatMap(({ result }) => result.receipts);
  const unconfirmed = new Set(await deps.receipts.push(receipts));
  for (const { result } of processed) {
    if (!result.receipts.some((receipt) => unconfirmed.has(receipt)))
      countSuppressed(result.receipts, deps.metrics);
  }
  const retried = processed.flatMap(({ record, result }) => {
    const delaySeconds = delayOf(record, result, unconfirmed, deps);
    return delaySeconds === undefined ? [] : [{ record, delaySeconds }];
  });
  // Held mail has an alarm of its own, and this age would ring that of mail which neither SMTP nor SES accepts.
  if (!deps.isHeld) for (const { record } of retried) countRetried(record, deps);
  await Promise.all(retried.map(({ record, delaySeconds }) => postponeRecord(record, delaySeconds, deps)));
  return { batchItemFailures: retried.map(({ record }) => ({ itemIdentifier: record.messageId })) };
}

interface Processed {
  readonly record: SQSRecord;
  readonly result: RecordResult;
}

async function resendSafely(record: SQSRecord, deps: BatchDeps): Promise<RecordResult> {
  try {
    return await resendMessage(
      {
        body: record.body,
        receiveCount: receiveCountOf(record),
        sentAt: new Date(Number(record.attributes.SentTimestamp)),
        isRemainder: record.messageAttributes[REMAINDER_ATTRIBUTE] !== undefined,
        hasTime: deps.hasTime,
        isHeld: deps.isHeld,
      },
      deps,
    );
  } catch (error) {
    deps.log.error('service-failed', { queueMessageId: record.messageId, ...errorName(error) });
    return { kind: 'retry', delaySeconds: outageDelay(record, deps), receipts: [] };
  }
}

/** Delay until the record is received again; undefined if SQS can delete it. */
function delayOf(
  record: SQSRecord,
  result: RecordResult,
  unconfirmed: ReadonlySet<Receipt>,
  deps: BatchDeps,
): number | undefined {
  if (result.kind === 'retry') return result.delaySeconds;
  const unconfirmedCount = result.receipts.filter((receipt) => unconfirmed.has(receipt)).length;
  if (unconfirmedCount === 0) return undefined;
  // Receive it again to publish the receipts; the ledger knows that it was sent.
  deps.log.error('receipts-publish-failed', { queueMessageId: record.messageId, receipts: unconfirmedCount });
  return outageDelay(record, deps);
}

function countRetried({ attributes }: SQSRecord, { clock, metrics }: BatchDeps): void {
  metrics.add('MailRetryAge', secondsInQueue(attributes.SentTimestamp, clock.now()));
}

function outageDelay(record: SQSRecord, { random }: BatchDeps): number {
  return retryDelaySeconds('outage', receiveCountOf(record), random());
}

function receiveCountOf(record: SQSRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}
