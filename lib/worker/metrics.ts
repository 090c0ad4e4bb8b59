import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { withTimeout } from '../common/async.ts';
import { STATUS_KINDS } from '../domain/delivery-status.ts';
import { FAILURE_CLASSES } from '../domain/failure.ts';
import type { Outcome, RefusalReason } from '../domain/outcome.ts';
import {
  type SeriesDefinition,
  type SeriesName,
  type SeriesOf,
  WORKER_SERIES,
} from '../domain/worker-series.ts';
import {
  type CompletedEvent,
  type OutboxStats,
  RECEIPT_RESULTS,
  type ReceiptObserver,
  type WorkerObserver,
} from '../ports/outbox.ts';

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

/** From a nearby SMTP server to one that takes the whole send timeout. */
const HANDLE_BUCKETS_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

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
  const refreshQueue = queueGauges(registry, readStats, options.statsTimeoutMs ?? 2_000);
  const observer = countingObserver(registry);
  const fallbackUp = gauge(registry, 'outbound_fallback_up');
  const foreignSenders = counter(registry, 'outbound_foreign_sender_total');
  return {
    observer,
    foreignSender: () => foreignSenders.inc(),
    fallback: (isUp) => fallbackUp.set(isUp ? 1 : 0),
    receipts: { ...receiptCounters(registry), storeError: observer.outboxError },
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
    completed: settledCounters(registry),
    breaker: (state) => breaker.set(state === 'open' ? 1 : 0),
    lateCompletion: () => late.inc(),
    outboxError: (code) => outboxErrors(code),
  };
}

function settledCounters(registry: Registry): WorkerObserver['completed'] {
  const taken = counter(registry, 'outbound_taken_total');
  const handedOver = labelled(registry, 'outbound_handed_over_total', FAILURE_CLASSES);
  const notAccepted = labelled(registry, 'outbound_not_accepted_total', FAILURE_CLASSES);
  const refused = labelled(registry, 'outbound_refused_total', REFUSAL_REASONS);
  const held = counter(registry, 'outbound_held_total');
  const time = timeHistograms(registry);

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

function timeHistograms(registry: Registry): (event: CompletedEvent) => void {
  const wait = histogram(registry, 'outbound_wait_seconds', WAIT_BUCKETS_SECONDS);
  const handle = histogram(registry, 'outbound_handle_seconds', HANDLE_BUCKETS_SECONDS);
  for (const outcome of OUTCOMES) handle.zero({ outcome });
  return ({ outcome, waitedMs, handledMs }) => {
    wait.observe(positive(waitedMs) / 1000);
    handle.observe({ outcome }, positive(handledMs) / 1000);
  };
}

/** @returns a function that updates the gauges before a scrape */
function queueGauges(
  registry: Registry,
  readStats: () => Promise<OutboxStats>,
  timeoutMs: number,
): () => Promise<void> {
  const up = gauge(registry, 'outbound_outbox_up');
  const depth = gauge(registry, 'outbound_queue_depth');
  const oldest = gauge(registry, 'outbound_queue_oldest_seconds');
  const overdue = gauge(registry, 'outbound_statuses_overdue');

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
function show(series: Gauge<string>, value: number | undefined): void {
  if (value === undefined) series.remove();
  else series.set(value);
}

/** Clock skew between database and worker can make a wait negative; prom-client throws on that. */
function positive(amount: number): number {
  return Number.isFinite(amount) ? Math.max(0, amount) : 0;
}

/** Counts receipt results; errors of the receipt store count as outbox errors. */
function receiptCounters(registry: Registry): Omit<ReceiptObserver, 'storeError'> {
  const receipts = counter(registry, 'outbound_receipts_total');
  // Both label sets are closed. Prometheus misses the first event of a series that is created by it.
  for (const kind of STATUS_KINDS) for (const result of RECEIPT_RESULTS) receipts.inc({ kind, result }, 0);
  const unreadable = counter(registry, 'outbound_receipts_unreadable_total');
  const queueErrors = labelled(registry, 'outbound_receipts_queue_errors_total', ['receive', 'delete']);
  return {
    received: (kind, result) => receipts.inc({ kind, result }),
    unreadable: () => unreadable.inc(),
    queueError: (action) => queueErrors(action),
  };
}

function counter(registry: Registry, name: SeriesOf<'counter'>): Counter<string> {
  return new Counter({ ...described(name), registers: [registry] });
}

function gauge(registry: Registry, name: SeriesOf<'gauge'>): Gauge<string> {
  return new Gauge({ ...described(name), registers: [registry] });
}

function histogram(
  registry: Registry,
  name: SeriesOf<'histogram'>,
  buckets: readonly number[],
): Histogram<string> {
  return new Histogram({ ...described(name), buckets: [...buckets], registers: [registry] });
}

/** Label value for anything outside the closed set: a label never carries free text. */
const OTHER = 'other';

/**
 * Counts by the single label of a counter, whose values are a closed set. All series exist from the start:
 * Prometheus misses the first event of a series that is created by it.
 */
function labelled(
  registry: Registry,
  name: SeriesOf<'counter'>,
  known: readonly string[],
): (value: string | undefined) => void {
  const [label, ...others] = described(name).labelNames;
  if (label === undefined || others.length > 0) throw new TypeError(`${name} has not one label`);
  const labelledCounter = counter(registry, name);
  const values = new Set([...known, OTHER]);
  for (const value of values) labelledCounter.inc({ [label]: value }, 0);
  return (value = OTHER) => labelledCounter.inc({ [label]: values.has(value) ? value : OTHER });
}

function described(name: SeriesName): { name: string; help: string; labelNames: string[] } {
  const { help, labels = [] }: SeriesDefinition = WORKER_SERIES[name];
  return { name, help, labelNames: [...labels] };
}
