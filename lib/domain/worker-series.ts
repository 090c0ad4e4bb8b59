import type { MetricUnit } from './metrics.ts';

/**
 * What a worker serves on `/metrics`: the series of Prometheus, by their names. They tell more than the METRICS that
 * the worker publishes, as a series costs nothing here. Series of the process itself are the client library's own.
 *
 * https://prometheus.io/docs/practices/naming/
 */

export interface SeriesDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Where it is no plain number of things. */
  readonly unit?: MetricUnit;
}

export const WORKER_SERIES = {
  outbound_claimed_total: { type: 'counter', help: 'Deliveries claimed from the outbox.' },
  outbound_taken_total: {
    type: 'counter',
    help: 'Deliveries that SMTP took, for all recipients or for some.',
  },
  outbound_handed_over_total: {
    type: 'counter',
    help: 'Deliveries put into the queue, for all recipients or for some, by why SMTP did not take them.',
    labels: ['class'],
  },
  outbound_not_accepted_total: {
    type: 'counter',
    help: 'Attempts that neither SMTP nor the queue took, by what SMTP said; they are tried again.',
    labels: ['class'],
  },
  outbound_held_total: {
    type: 'counter',
    help: 'Deliveries that SMTP may have taken and that wait for a person.',
  },
  outbound_refused_total: {
    type: 'counter',
    help: 'Deliveries that can never be sent, by why.',
    labels: ['reason'],
  },
  outbound_late_settlements_total: {
    type: 'counter',
    help: 'Outcomes that came when the lease had gone to another worker: the mail may have been sent twice.',
  },
  outbound_outbox_errors_total: {
    type: 'counter',
    help: 'Calls to the outbox that failed, by code of the system or SQLSTATE.',
    labels: ['code'],
  },
  outbound_breaker_open: {
    type: 'gauge',
    help: '1 while SMTP counts as down and mails go straight to the queue.',
  },
  outbound_wait_seconds: {
    type: 'histogram',
    help: 'From the moment a delivery was due until it was claimed.',
    unit: 'Seconds',
  },
  outbound_handle_seconds: {
    type: 'histogram',
    help: 'From the claim until SMTP or the queue had answered, by outcome.',
    labels: ['outcome'],
    unit: 'Seconds',
  },
  outbound_outbox_up: {
    type: 'gauge',
    help: '1 where the outbox told its state for this scrape, else 0.',
  },
  outbound_queue_depth: { type: 'gauge', help: 'Deliveries that wait, due or not.' },
  outbound_queue_oldest_seconds: {
    type: 'gauge',
    help: 'Age of the oldest delivery that is due.',
    unit: 'Seconds',
  },
  outbound_statuses_overdue: {
    type: 'gauge',
    help: 'Deliveries handed over more than two days ago whose status never came back.',
  },
  outbound_receipts_total: {
    type: 'counter',
    help: 'Receipts that came, by what they tell and what became of them; one that comes again counts again.',
    labels: ['kind', 'result'],
  },
  outbound_receipts_unreadable_total: {
    type: 'counter',
    help: 'Messages in the receipts queue that are no receipts; one that comes again counts again.',
  },
  outbound_receipts_queue_errors_total: {
    type: 'counter',
    help: 'Calls to the receipts queue that failed, after the tries of the SDK.',
    labels: ['action'],
  },
} as const satisfies Readonly<Record<`outbound_${string}`, SeriesDefinition>>;

export type SeriesName = keyof typeof WORKER_SERIES;

/** The names of those that are of one type. */
export type SeriesOf<Type extends SeriesDefinition['type']> = {
  [Name in SeriesName]: (typeof WORKER_SERIES)[Name]['type'] extends Type ? Name : never;
}[SeriesName];
