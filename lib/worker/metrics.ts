import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client';
import { withTimeout } from '../common/async.ts';
import { STATUS_KINDS } from '../domain/delivery-status.ts';
import { FAILURE_CLASSES } from '../domain/failure.ts';
import type { Outcome } from '../domain/outcome.ts';
import { WORKER_SERIES } from '../domain/worker-series.ts';
import {
  type CompletedEvent,
  type OutboxStats,
  RECEIPT_RESULTS,
  type ReceiptObserver,
  type WorkerObserver,
} from '../ports/outbox.ts';
import { HANDLE_BUCKETS_SECONDS, REFUSAL_REASONS, seriesIn } from '../process/prometheus.ts';

export interface WorkerMetrics {
  /** Counts worker events. */
  readonly observer: WorkerObserver;
  /** Counts receipt results. */
  readonly receipts: ReceiptObserver;
  /** Shows whether the fallback would accept a mail. */
  readonly fallback: (isUp: boolean) => void;
  /** Counts a mail that the fallback would refuse for its sender. */
  readonly foreignSender: () => void;
  /** All metrics in Prometheus' text format. It resolves in time even if the outbox does not respond. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

type WorkerSeries = ReturnType<typeof seriesIn<typeof WORKER_SERIES>>;

export interface WorkerMetricsOptions {
  /** How long a scrape waits for the outbox; well within Prometheus' own 10 s. @default 2000 */
  readonly statsTimeoutMs?: number | undefined;
}

const OUTCOMES = Object.keys({
  taken: true,
  'handed-over': true,
  split: true,
  held: true,
  'not-accepted': true,
  refused: true,
} satisfies Record<Outcome['kind'], true>);

/** The codes that identify a cause to an operator: system error codes and PostgreSQL SQLSTATEs. */
const OUTBOX_ERROR_CODES = [
  ...['EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EPIPE'],
  'ETIMEDOUT',
  // Standby not yet promoted, too many connections, shutdown, crash, start-up.
  ...['25006', '53300', '57P01', '57P02', '57P03'],
  // Connection lost or refused, statement cancelled, serialization failure, deadlock.
  ...['08000', '08001', '08003', '08004', '08006', '57014', '40001', '40P01'],
  // Wrong password, no such role or database, missing privilege, no such table or column.
  ...['28000', '28P01', '3D000', '42501', '42P01', '42703'],
];

/** From one poll of an idle worker to a ten-minute outage; beyond that, the queue age says more. */
const WAIT_BUCKETS_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600];

/**
 * The metrics of one worker, in their own registry.
 *
 * @param readStats queries the outbox per scrape; never throws synchronously, and joins a call in progress
 */
export function createWorkerMetrics(
  readStats: () => Promise<OutboxStats>,
  options: WorkerMetricsOptions = {},
): WorkerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const series = seriesIn(registry, WORKER_SERIES);
  const refreshQueue = queueGauges(series, readStats, options.statsTimeoutMs ?? 2_000);
  const observer = countingObserver(series);
  const fallbackUp = series.gauge('outbound_fallback_up');
  const foreignSenders = series.counter('outbound_foreign_sender_total');
  return {
    observer,
    foreignSender: () => foreignSenders.inc(),
    fallback: (isUp) => fallbackUp.set(isUp ? 1 : 0),
    receipts: { ...receiptCounters(series), storeError: observer.outboxError },
    render: async () => {
      await refreshQueue();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

function countingObserver(series: WorkerSeries): WorkerObserver {
  const claimed = series.counter('outbound_claimed_total');
  const late = series.counter('outbound_late_settlements_total');
  const outboxErrors = series.labelled('outbound_outbox_errors_total', OUTBOX_ERROR_CODES);
  const breaker = series.gauge('outbound_breaker_open');
  return {
    claimed: (count) => claimed.inc(positive(count)),
    completed: settledCounters(series),
    breaker: (state) => breaker.set(state === 'open' ? 1 : 0),
    lateCompletion: () => late.inc(),
    outboxError: (code) => outboxErrors(code),
  };
}

function settledCounters(series: WorkerSeries): WorkerObserver['completed'] {
  const taken = series.counter('outbound_taken_total');
  const handedOver = series.labelled('outbound_handed_over_total', FAILURE_CLASSES);
  const notAccepted = series.labelled('outbound_not_accepted_total', FAILURE_CLASSES);
  const refused = series.labelled('outbound_refused_total', REFUSAL_REASONS);
  const held = series.counter('outbound_held_total');
  const time = timeHistograms(series);

  const count: Record<Outcome['kind'], (event: CompletedEvent) => void> = {
    taken: () => taken.inc(),
    'handed-over': ({ failureClass }) => handedOver(failureClass),
    split: ({ failureClass }) => {
      taken.inc();
      handedOver(failureClass);
    },
    held: () => held.inc(),
    'not-accepted': ({ failureClass }) => notAccepted(failureClass),
    refused: ({ reason }) => refused(reason),
  };
  return (event) => {
    count[event.outcome](event);
    time(event);
  };
}

function timeHistograms(series: WorkerSeries): (event: CompletedEvent) => void {
  const wait = series.histogram('outbound_wait_seconds', WAIT_BUCKETS_SECONDS);
  const handle = series.histogram('outbound_handle_seconds', HANDLE_BUCKETS_SECONDS);
  for (const outcome of OUTCOMES) handle.zero({ outcome });
  return ({ outcome, waitedMs, handledMs }) => {
    wait.observe(positive(waitedMs) / 1000);
    handle.observe({ outcome }, positive(handledMs) / 1000);
  };
}

/** @returns a function that updates the gauges before a scrape */
function queueGauges(
  series: WorkerSeries,
  readStats: () => Promise<OutboxStats>,
  timeoutMs: number,
): () => Promise<void> {
  const up = series.gauge('outbound_outbox_up');
  const depth = series.gauge('outbound_queue_depth');
  const oldest = series.gauge('outbound_queue_oldest_seconds');
  const overdue = series.gauge('outbound_statuses_overdue');

  return async () => {
    const answer = await withTimeout(readStats(), timeoutMs);
    const stats = answer.kind === 'done' ? answer.value : undefined;
    up.set(stats === undefined ? 0 : 1);
    show(depth, stats?.queued);
    show(oldest, stats?.oldestDueSeconds);
    show(overdue, stats?.statusesOverdue);
  };
}

/** No value is better than a stale value that looks current. */
function show(shown: Gauge<string>, value: number | undefined): void {
  if (value === undefined) shown.remove();
  else shown.set(value);
}

/** Clock skew between database and worker can make a wait negative; prom-client throws on that. */
function positive(amount: number): number {
  return Number.isFinite(amount) ? Math.max(0, amount) : 0;
}

/** Counts receipt results; errors of the receipt store count as outbox errors. */
function receiptCounters(series: WorkerSeries): Omit<ReceiptObserver, 'storeError'> {
  const receipts = series.counter('outbound_receipts_total');
  // Both label sets are closed. Prometheus misses the first event of a series that is created by it.
  for (const kind of STATUS_KINDS) for (const result of RECEIPT_RESULTS) receipts.inc({ kind, result }, 0);
  const unreadable = series.counter('outbound_receipts_unreadable_total');
  const queueErrors = series.labelled('outbound_receipts_queue_errors_total', ['receive', 'delete']);
  return {
    received: (kind, result) => receipts.inc({ kind, result }),
    unreadable: () => unreadable.inc(),
    queueError: (action) => queueErrors(action),
  };
}
