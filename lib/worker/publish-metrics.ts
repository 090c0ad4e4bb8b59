import { withTimeout } from '../common/async.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { CompletedEvent, OutboxStats } from '../ports/outbox.ts';
import type { Log, Metrics } from '../ports/runtime.ts';
import { openCloudWatch } from '../process/cloud-watch.ts';
import type { WorkerSettings } from './settings.ts';

export interface MetricsPublication {
  /** Counts the outcome of a delivery. */
  settled(event: CompletedEvent): void;
  start(): void;
  /** Publishes what is left, within the timeout. */
  stop(timeoutMs: number): Promise<void>;
}

/** The same as a scrape waits for the outbox. */
const STATS_TIMEOUT_MS = 2_000;

/**
 * Publishes metrics of the worker and its outbox to CloudWatch once a minute; does nothing if the settings
 * have no namespace.
 *
 * @param readStats queries the outbox; it never throws synchronously, and joins a call in progress
 */
export async function publishMetrics(
  settings: WorkerSettings,
  readStats: () => Promise<OutboxStats>,
  log: Log,
): Promise<MetricsPublication> {
  const metrics = await openCloudWatch(
    settings,
    settings.mailer.fallback,
    (open, signal) => measureOutbox(open, readStats, signal),
    log,
  );
  if (metrics === undefined) return { settled: () => {}, start: () => {}, stop: async () => {} };
  return {
    settled: (event) => countCompleted(metrics, event),
    start: () => metrics.start(),
    stop: (timeoutMs) => metrics.stop(timeoutMs),
  };
}

/**
 * If the outbox does not respond, no metric is published and the alarm for a silent worker fires: whether the
 * worker or its database is down, no mail goes out.
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

/** Whether SMTP accepted or failed it; for a held delivery neither is known. */
const SMTP_PART: Readonly<Record<Outcome['kind'], { readonly taken: boolean; readonly failed: boolean }>> = {
  taken: { taken: true, failed: false },
  'handed-over': { taken: false, failed: true },
  split: { taken: true, failed: true },
  'not-accepted': { taken: false, failed: true },
  held: { taken: false, failed: false },
  refused: { taken: false, failed: false },
};

/** Counts a completed delivery as accepted by SMTP, not accepted, or both. */
export function countCompleted(metrics: Metrics, { outcome, failureClass }: CompletedEvent): void {
  const { taken, failed } = SMTP_PART[outcome];
  if (taken) metrics.add('SmtpTaken', 1);
  // If receipts reported that SES already has the mail, SMTP was not tried and there is no class.
  if (failed && failureClass !== undefined) metrics.add('SmtpFailed', 1, failureClass);
}
