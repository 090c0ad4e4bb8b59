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

/** So many jobs wait for DynamoDB and SQS at the same time. */
const JOBS_AT_A_TIME = 8;

/**
 * Applies a batch of SES's events; what is named in the answer stays in the queue, the rest SQS deletes. Events of
 * one part of a delivery are applied together. A part that fails never touches the others.
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
  await workOff(toJobs(records, deps), JOBS_AT_A_TIME, async (job) => {
    const result = await doSafely(job, deps);
    if (result.kind === 'done') {
      applied.push(...job.events);
      return;
    }
    for (const record of job.records) {
      batchItemFailures.push({ itemIdentifier: record.messageId });
      countStaying(record, deps);
      // Not waited for one by one: a queue that is slow to answer must not use up the time of the invocation.
      afterwards.push(postponeRecord(record, delayOf(record, result.pace, deps), deps));
    }
  });
  afterwards.push(countLatency(applied, deps));
  await Promise.all(afterwards);
  return { batchItemFailures };
}

type JobResult =
  | { readonly kind: 'done' }
  /** Its records stay in the queue; without a pace only the time ran out. */
  | { readonly kind: 'retry'; readonly pace?: 'outage' };

async function doSafely(job: Job, deps: FeedbackDeps): Promise<JobResult> {
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

function countStaying({ attributes }: SQSRecord, { clock, metrics }: FeedbackDeps): void {
  metrics.add('EventRetryAge', secondsInQueue(attributes.SentTimestamp, clock.now()));
}

function delayOf(record: SQSRecord, pace: 'outage' | undefined, { random }: FeedbackDeps): number {
  if (pace === undefined) return 0;
  const receiveCount = Number(record.attributes.ApproximateReceiveCount);
  return Math.min(retryDelaySeconds(pace, receiveCount, random()), FEEDBACK_MAX_RETRY_SECONDS);
}

/**
 * How long Send events took from SES to the ledger; who waits for one waits by this measure. It is a measure, and no
 * event is kept back for it.
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

/** Does the work of all items, a number of them at a time. The work must not throw. */
async function workOff<T>(
  items: readonly T[],
  atATime: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const takeTurns = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: atATime }, takeTurns));
}
