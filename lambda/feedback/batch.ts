import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { errorName } from '../../lib/common/errors.ts';
import { countLatencies } from '../../lib/domain/event-latency.ts';
import { retryDelaySeconds } from '../../lib/domain/retry.ts';
import type { EventLatencyMeter } from '../../lib/ports/ledger.ts';
import { postponeRecord, type Redelivery, secondsInQueue } from '../../lib/ports/queues.ts';
import { FEEDBACK_MAX_RETRY_SECONDS } from './constants.ts';
import { type Job, type JobDeps, toJobs } from './jobs.ts';
import type { SesEvent } from './ses-event.ts';

export interface FeedbackDeps extends JobDeps {
  readonly latencies: EventLatencyMeter;
  readonly redelivery: Redelivery;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** True as long as the invocation has time for one more job. */
  readonly hasTime: () => boolean;
}

/** Number of jobs that call DynamoDB and SQS concurrently. */
const JOB_CONCURRENCY = 8;

/**
 * Applies a batch of SES events; SQS keeps the records named in the response and deletes the others. Events
 * of one send batch are applied together. A send batch that fails does not affect the others.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export async function feedbackBatch(
  records: readonly SQSRecord[],
  deps: FeedbackDeps,
): Promise<SQSBatchResponse> {
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  const applied: SesEvent[] = [];
  const afterwards: Promise<void>[] = [];
  await runConcurrently(toJobs(records, deps), JOB_CONCURRENCY, async (job) => {
    const result = await runSafely(job, deps);
    if (result.kind === 'done') {
      applied.push(...job.events);
      return;
    }
    for (const record of job.records) {
      batchItemFailures.push({ itemIdentifier: record.messageId });
      countRetried(record, deps);
      // Not awaited one by one: a slow queue must not use up the invocation's time.
      afterwards.push(postponeRecord(record, delayOf(record, result.pace, deps), deps));
    }
  });
  afterwards.push(countLatency(applied, deps));
  await Promise.all(afterwards);
  return { batchItemFailures };
}

type JobResult =
  | { readonly kind: 'done' }
  /** Its records stay in the queue; no pace if only the time ran out. */
  | { readonly kind: 'retry'; readonly pace?: 'outage' };

async function runSafely(job: Job, deps: FeedbackDeps): Promise<JobResult> {
  if (!deps.hasTime()) return { kind: 'retry' };
  try {
    await job.work();
    return { kind: 'done' };
  } catch (error) {
    const { deliveryId } = job.events[0] ?? {};
    const queueMessageIds = job.records.map(({ messageId }) => messageId);
    deps.log.error('service-failed', { deliveryId, queueMessageIds, ...errorName(error) });
    return { kind: 'retry', pace: 'outage' };
  }
}

function countRetried({ attributes }: SQSRecord, { clock, metrics }: FeedbackDeps): void {
  metrics.add('EventRetryAge', secondsInQueue(attributes.SentTimestamp, clock.now()));
}

function delayOf(record: SQSRecord, pace: 'outage' | undefined, { random }: FeedbackDeps): number {
  if (pace === undefined) return 0;
  const receiveCount = Number(record.attributes.ApproximateReceiveCount);
  return Math.min(retryDelaySeconds(pace, receiveCount, random()), FEEDBACK_MAX_RETRY_SECONDS);
}

/**
 * Counts how long Send events took from SES to the ledger, which sets how long the resend Lambda waits for
 * one. It is only a measurement: if it fails, the events still count as applied.
 */
async function countLatency(applied: readonly SesEvent[], deps: FeedbackDeps): Promise<void> {
  const sentMs = applied.filter(({ type }) => type === 'Send').map(({ sentAt }) => Date.parse(sentAt));
  if (sentMs.length === 0) return;
  const now = deps.clock.now();
  const counts = countLatencies(sentMs.map((ms) => now.getTime() - ms));
  try {
    await deps.latencies.add({ counts, newestSentAt: new Date(Math.max(...sentMs)) }, now);
  } catch (error) {
    deps.log.warn('latency-not-counted', { events: sentMs.length, ...errorName(error) });
  }
}

/** Runs `work` for all items, up to `concurrency` at a time. It must not throw. */
async function runConcurrently<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const runWorker = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: concurrency }, runWorker));
}
