import type { CloudWatchMetrics } from '../adapters/cloudwatch/cloud-watch-metrics.ts';
import { withTimeout } from '../common/async.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { CompletedEvent, OutboxStats } from '../ports/outbox.ts';
import { type Log, type Metrics, systemClock } from '../ports/runtime.ts';
import type { WorkerSettings } from './settings.ts';

export interface MetricsPublication {
  /** Counts what became of a delivery. */
  settled(event: CompletedEvent): void;
  start(): void;
  /** Publishes what is left, in so long. */
  stop(timeoutMs: number): Promise<void>;
}

/** One try of a call; the SDK makes three, well within the minute. */
const TRY_TIMEOUT_MS = 5_000;

/** As long as a scrape waits for the outbox. */
const STATS_TIMEOUT_MS = 2_000;

/**
 * Publishes what the worker does and what waits in its outbox to CloudWatch, once a minute; nothing where the settings
 * name no namespace.
 *
 * @param readStats asks the outbox; it never throws at once, and joins a call that is under way
 */
export async function publishMetrics(
  settings: WorkerSettings,
  readStats: () => Promise<OutboxStats>,
  log: Log,
): Promise<MetricsPublication> {
  const metrics = await openMetrics(settings, readStats, log);
  if (metrics === undefined) return { settled: () => {}, start: () => {}, stop: async () => {} };
  return {
    settled: (event) => countCompleted(metrics, event),
    start: () => metrics.start(),
    stop: (timeoutMs) => metrics.stop(timeoutMs),
  };
}

async function openMetrics(
  { cloudWatchNamespace: namespace, cloudWatchStage: stage, cloudWatchEndpoint, mailer }: WorkerSettings,
  readStats: () => Promise<OutboxStats>,
  log: Log,
): Promise<CloudWatchMetrics | undefined> {
  if (namespace === undefined || stage === undefined) return undefined;
  const { region, accessKeyId, secretAccessKey } = mailer.fallback;
  // The client is loaded where it is used: it takes time and memory that most workers can do without.
  const { CloudWatchMetrics } = await import('../adapters/cloudwatch/cloud-watch-metrics.ts');
  const metrics: CloudWatchMetrics = new CloudWatchMetrics({
    connection: {
      region,
      accessKeyId,
      secretAccessKey,
      endpoint: cloudWatchEndpoint,
      tryTimeoutMs: TRY_TIMEOUT_MS,
    },
    namespace,
    stage,
    measure: (signal) => measureOutbox(metrics, readStats, signal),
    clock: systemClock,
    log,
  });
  return metrics;
}

/**
 * An outbox that does not answer has no metrics, and the alarm for a worker that is silent rings: whether the worker
 * or its database is away, no mail goes out.
 */
async function measureOutbox(
  metrics: Metrics,
  readStats: () => Promise<OutboxStats>,
  signal: AbortSignal,
): Promise<void> {
  const answer = await withTimeout(readStats(), STATS_TIMEOUT_MS, signal);
  if (answer.kind !== 'done') return;
  const { queued, oldestDueSeconds, statusesOverdue } = answer.value;
  metrics.add('OutboxWaiting', queued);
  metrics.add('OutboxOldestDue', oldestDueSeconds);
  if (statusesOverdue !== undefined) metrics.add('StatusesOverdue', statusesOverdue);
}

/** What SMTP took or did not take of it; one that is held, it may have taken. */
const SMTP_PART: Readonly<Record<Outcome['kind'], { readonly taken: boolean; readonly failed: boolean }>> = {
  taken: { taken: true, failed: false },
  'handed-over': { taken: false, failed: true },
  split: { taken: true, failed: true },
  'not-accepted': { taken: false, failed: true },
  held: { taken: false, failed: false },
  refused: { taken: false, failed: false },
};

/** Counts a delivery that a worker has seen out as one that SMTP took, did not take, or both. */
export function countCompleted(metrics: Metrics, { outcome, failureClass }: CompletedEvent): void {
  const { taken, failed } = SMTP_PART[outcome];
  if (taken) metrics.add('SmtpTaken', 1);
  // Where SES had the mail already, as receipts told, SMTP was not asked and there is no class.
  if (failed && failureClass !== undefined) metrics.add('SmtpFailed', 1, failureClass);
}
