import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { retryDelaySeconds } from '../../lib/message/retry-schedule.ts';
import type { Redelivery } from '../../lib/ports/redelivery.ts';
import { errorName } from './error-name.ts';
import { type RecordResult, type ResendParts, resendRecord } from './resend-record.ts';

export interface BatchParts extends ResendParts {
  readonly redelivery: Redelivery;
  /** True as long as the invocation has time for one more SES call. */
  readonly hasTime: () => boolean;
}

/**
 * Works a batch one record after another; what is named in the answer stays in the queue, the rest SQS deletes.
 * A record that breaks never touches its neighbours.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export async function resendBatch(
  records: readonly SQSRecord[],
  parts: BatchParts,
): Promise<SQSBatchResponse> {
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  const postponements: Promise<void>[] = [];
  for (const record of records) {
    const result = await resendSafely(record, parts);
    if (result.kind === 'done') continue;
    batchItemFailures.push({ itemIdentifier: record.messageId });
    // Not waited for one by one: a queue that is slow to answer must not use up the time of the invocation.
    postponements.push(postpone(record, result.delaySeconds, parts));
  }
  await Promise.all(postponements);
  return { batchItemFailures };
}

async function resendSafely(record: SQSRecord, parts: BatchParts): Promise<RecordResult> {
  if (!parts.hasTime()) return { kind: 'retry', delaySeconds: 0 };
  const receiveCount = Number(record.attributes.ApproximateReceiveCount);
  try {
    return await resendRecord(
      {
        body: record.body,
        receiveCount,
        sentAt: new Date(Number(record.attributes.SentTimestamp)),
        hasTime: parts.hasTime,
      },
      parts,
    );
  } catch (error) {
    parts.log.error('service-failed', { queueMessageId: record.messageId, ...errorName(error) });
    return { kind: 'retry', delaySeconds: retryDelaySeconds('outage', receiveCount, parts.random()) };
  }
}

async function postpone(record: SQSRecord, delaySeconds: number, parts: BatchParts): Promise<void> {
  try {
    await parts.redelivery.postpone(record.receiptHandle, delaySeconds);
  } catch (error) {
    // The queue's own visibility timeout brings it back, only not at the time we wanted.
    parts.log.warn('not-postponed', { queueMessageId: record.messageId, ...errorName(error) });
  }
}
