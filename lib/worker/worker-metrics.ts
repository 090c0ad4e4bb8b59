import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client';
import { FAILURE_CLASSES } from '../message/failure.ts';
import type { Outcome, RefusalReason } from '../message/outcome.ts';
import type { OutboxStats } from '../ports/outbox.ts';
import type { ReceiptObserver } from '../ports/receipt-observer.ts';
import type { SettledEvent, WorkerObserver } from '../ports/worker-observer.ts';
import { inTime } from './bounded-wait.ts';
import { receiptCounters } from './receipt-metrics.ts';
import { counter, gauge, histogram, labelled } from './series.ts';

export interface WorkerMetrics {
  /** Counts what the worker tells it. */
  readonly observer: WorkerObserver;
  /** Counts what becomes of receipts. */
  readonly receipts: ReceiptObserver;
  /** All metrics in Prometheus' text format. It answers in time, whatever the outbox does. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface WorkerMetricsOptions {
  /** How long a scrape waits for the outbox; well within Prometheus' own 10 s. @default 2000 */
  readonly statsTimeoutMs?: number | undefined;
}

const REFUSAL_REASONS = Object.keys({
  'too-large': true,
  'no-recipient': true,
  expired: true,
  invalid: true,
} satisfies Record<RefusalReason, true>);

const OUTCOMES = Object.keys({
  taken: true,
  'handed-over': true,
  split: true,
  held: true,
  'not-accepted': true,
  refused: true,
} satisfies Record<Outcome['kind'], true>);

/** The codes by which an operator tells one cause from another: of the system, and SQLSTATEs of PostgreSQL. */
const OUTBOX_ERROR_CODES = [
  ...['EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EPIPE'],
  'ETIMEDOUT',
  // A standby that is not promoted yet, too many connections, shutdown, crash, start-up.
  ...['25006', '53300', '57P01', '57P02', '57P03'],
  // Connection lost or refused, a statement that was cancelled, serialization, deadlock.
  ...['08000', '08001', '08003', '08004', '08006', '57014', '40001', '40P01'],
  // Wrong password, no such role or database, no right, no such table or column.
  ...['28000', '28P01', '3D000', '42501', '42P01', '42703'],
];

/** From one poll of an idle worker to an outage of ten minutes; past that the age of the queue tells more. */
const WAIT_BUCKETS_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600];

/** From an SMTP server next door to one that uses up the whole time of a send. */
const HANDLE_BUCKETS_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/**
 * The metrics of one worker, in a registry of their own.
 *
 * @param readStats asks the outbox, for each scrape; it never throws at once, and joins a call that is under way
 */
export function createWorkerMetrics(
  readStats: () => Promise<OutboxStats>,
  options: WorkerMetricsOptions = {},
): WorkerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const refreshQueue = queueGauges(registry, readStats, options.statsTimeoutMs ?? 2_000);
  const observer = countingObserver(registry);
  return {
    observer,
    receipts: { ...receiptCounters(registry), bookError: observer.outboxError },
    render: async () => {
      await refreshQueue();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

function countingObserver(registry: Registry): WorkerObserver {
  const claimed = counter(registry, 'outbound_claimed_total');
  const late = counter(registry, 'outbound_late_settlements_total');
  const outboxErrors = labelled(registry, 'outbound_outbox_errors_total', OUTBOX_ERROR_CODES);
  const breaker = gauge(registry, 'outbound_breaker_open');
  return {
    claimed: (count) => claimed.inc(positive(count)),
    settled: settledCounters(registry),
    breaker: (state) => breaker.set(state === 'open' ? 1 : 0),
    lateSettlement: () => late.inc(),
    outboxError: (code) => outboxErrors(code),
  };
}

function settledCounters(registry: Registry): WorkerObserver['settled'] {
  const taken = counter(registry, 'outbound_taken_total');
  const handedOver = labelled(registry, 'outbound_handed_over_total', FAILURE_CLASSES);
  const notAccepted = labelled(registry, 'outbound_not_accepted_total', FAILURE_CLASSES);
  const refused = labelled(registry, 'outbound_refused_total', REFUSAL_REASONS);
  const held = counter(registry, 'outbound_held_total');
  const time = timeHistograms(registry);

  const count: Record<Outcome['kind'], (event: SettledEvent) => void> = {
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

function timeHistograms(registry: Registry): (event: SettledEvent) => void {
  const wait = histogram(registry, 'outbound_wait_seconds', WAIT_BUCKETS_SECONDS);
  const handle = histogram(registry, 'outbound_handle_seconds', HANDLE_BUCKETS_SECONDS);
  for (const outcome of OUTCOMES) handle.zero({ outcome });
  return ({ outcome, waitedMs, handledMs }) => {
    wait.observe(positive(waitedMs) / 1000);
    handle.observe({ outcome }, positive(handledMs) / 1000);
  };
}

/** @returns what brings the gauges up to date before a scrape */
function queueGauges(
  registry: Registry,
  readStats: () => Promise<OutboxStats>,
  timeoutMs: number,
): () => Promise<void> {
  const up = gauge(registry, 'outbound_outbox_up');
  const depth = gauge(registry, 'outbound_queue_depth');
  const oldest = gauge(registry, 'outbound_queue_oldest_seconds');
  const overdue = gauge(registry, 'outbound_fates_overdue');

  return async () => {
    const answer = await inTime(readStats(), timeoutMs);
    const stats = answer.kind === 'done' ? answer.value : undefined;
    up.set(stats === undefined ? 0 : 1);
    show(depth, stats?.queued);
    show(oldest, stats?.oldestDueSeconds);
    show(overdue, stats?.fatesOverdue);
  };
}

/** No value is better than an old one that looks like a new one. */
function show(series: Gauge<string>, value: number | undefined): void {
  if (value === undefined) series.remove();
  else series.set(value);
}

/** The clocks of database and worker differ, so that a wait can come out below zero; prom-client throws on those. */
function positive(amount: number): number {
  return Number.isFinite(amount) ? Math.max(0, amount) : 0;
}
