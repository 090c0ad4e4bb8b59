import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { FAILURE_CLASSES } from '../message/failure.ts';
import type { Outcome, RefusalReason } from '../message/outcome.ts';
import type { OutboxStats } from '../ports/outbox.ts';
import type { ReceiptObserver } from '../ports/receipt-observer.ts';
import type { SettledEvent, WorkerObserver } from '../ports/worker-observer.ts';
import { inTime } from './bounded-wait.ts';
import { labelled } from './labelled-counter.ts';
import { receiptCounters } from './receipt-metrics.ts';

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
 * @param readStats asks the outbox; at most one call is under way at a time
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
  const claimed = counter(registry, 'outbound_claimed_total', 'Deliveries claimed from the outbox.');
  const late = counter(
    registry,
    'outbound_late_settlements_total',
    'Outcomes that came when the lease had gone to another worker: the mail may have been sent twice.',
  );
  const outboxErrors = labelled(
    registry,
    'outbound_outbox_errors_total',
    'Calls to the outbox that failed, by code of the system or SQLSTATE.',
    'code',
    OUTBOX_ERROR_CODES,
  );
  const breaker = new Gauge({
    name: 'outbound_breaker_open',
    help: '1 while SMTP counts as down and mails go straight to the queue.',
    registers: [registry],
  });
  return {
    claimed: (count) => claimed.inc(positive(count)),
    settled: settledCounters(registry),
    breaker: (state) => breaker.set(state === 'open' ? 1 : 0),
    lateSettlement: () => late.inc(),
    outboxError: (code) => outboxErrors(code),
  };
}

function settledCounters(registry: Registry): WorkerObserver['settled'] {
  const taken = counter(
    registry,
    'outbound_taken_total',
    'Deliveries that SMTP took, for all recipients or for some.',
  );
  const handedOver = labelled(
    registry,
    'outbound_handed_over_total',
    'Deliveries put into the queue, for all recipients or for some, by why SMTP did not take them.',
    'class',
    FAILURE_CLASSES,
  );
  const refused = labelled(
    registry,
    'outbound_refused_total',
    'Deliveries that can never be sent, by why.',
    'reason',
    REFUSAL_REASONS,
  );
  const notAccepted = labelled(
    registry,
    'outbound_not_accepted_total',
    'Attempts that neither SMTP nor the queue took, by what SMTP said; they are tried again.',
    'class',
    FAILURE_CLASSES,
  );
  const held = counter(
    registry,
    'outbound_held_total',
    'Deliveries that SMTP may have taken and that wait for a person.',
  );
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
  const wait = new Histogram({
    name: 'outbound_wait_seconds',
    help: 'From the moment a delivery was due until it was claimed.',
    buckets: WAIT_BUCKETS_SECONDS,
    registers: [registry],
  });
  const handle = new Histogram({
    name: 'outbound_handle_seconds',
    help: 'From the claim until SMTP or the queue had answered, by outcome.',
    labelNames: ['outcome'],
    buckets: HANDLE_BUCKETS_SECONDS,
    registers: [registry],
  });
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
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const up = gauge('outbound_outbox_up', '1 where the outbox told its state for this scrape, else 0.');
  const depth = gauge('outbound_queue_depth', 'Deliveries that wait, due or not.');
  const oldest = gauge('outbound_queue_oldest_seconds', 'Age of the oldest delivery that is due.');

  // A scrape that finds the last one's question still open waits for that: a database that hangs would otherwise
  // lose one more connection to every scrape.
  let asking: Promise<OutboxStats> | undefined;
  const ask = async () => {
    try {
      return await readStats();
    } finally {
      asking = undefined;
    }
  };

  return async () => {
    asking ??= ask();
    const answer = await inTime(asking, timeoutMs);
    up.set(answer.kind === 'done' ? 1 : 0);
    if (answer.kind === 'done') {
      depth.set(answer.value.queued);
      oldest.set(answer.value.oldestDueSeconds);
    } else {
      // No value is better than an old one that looks like a new one.
      depth.remove();
      oldest.remove();
    }
  };
}

function counter(registry: Registry, name: string, help: string): Counter {
  return new Counter({ name, help, registers: [registry] });
}

/** The clocks of database and worker differ, so that a wait can come out below zero; prom-client throws on those. */
function positive(amount: number): number {
  return Number.isFinite(amount) ? Math.max(0, amount) : 0;
}
