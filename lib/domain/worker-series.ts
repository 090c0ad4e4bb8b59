import type { MetricUnit } from './metrics.ts';

/**
 * The Prometheus series that a worker serves on `/metrics`, by name. They are more detailed than the METRICS
 * that the worker publishes, because a series costs nothing here. The client library adds the process series.
 *
 * https://prometheus.io/docs/practices/naming/
 */

export interface SeriesDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Only if the value is not a plain count. */
  readonly unit?: MetricUnit;
}

export const WORKER_SERIES = {
  outbound_claimed_total: { type: 'counter', help: 'Deliveries claimed from the outbox.' },
  outbound_taken_total: {
    type: 'counter',
    help: 'Deliveries that SMTP accepted, for all recipients or for some.',
  },
  outbound_handed_over_total: {
    type: 'counter',
    help: 'Deliveries handed over, for all recipients or for some, by the class of the SMTP failure.',
    labels: ['class'],
  },
  outbound_not_accepted_total: {
    type: 'counter',
    help: 'Attempts that neither SMTP nor the queue accepted, by the class of the SMTP failure; they are retried.',
    labels: ['class'],
  },
  outbound_held_total: {
    type: 'counter',
    help: 'Deliveries that SMTP may have accepted and that wait for a person.',
  },
  outbound_refused_total: {
    type: 'counter',
    help: 'Deliveries that can never be sent, by reason.',
    labels: ['reason'],
  },
  outbound_foreign_sender_total: {
    type: 'counter',
    help: 'Attempts of mail whose sender is not of MAIL_DOMAIN: the fallback would refuse it.',
  },
  outbound_late_settlements_total: {
    type: 'counter',
    help: 'Outcomes that came after another worker had taken over the lease: the mail may have been sent twice.',
  },
  outbound_outbox_errors_total: {
    type: 'counter',
    help: 'Calls to the outbox that failed, by system error code or SQLSTATE.',
    labels: ['code'],
  },
  outbound_breaker_open: {
    type: 'gauge',
    help: '1 while SMTP counts as down and mails go straight to the queue.',
  },
  outbound_fallback_up: {
    type: 'gauge',
    help: '1 if the last check found that queue and bucket accept a hand-over, else 0; checked at the start and every ten minutes.',
  },
  outbound_wait_seconds: {
    type: 'histogram',
    help: 'From the moment a delivery was due until it was claimed.',
    unit: 'Seconds',
  },
  outbound_handle_seconds: {
    type: 'histogram',
    help: 'From the claim until SMTP or the queue had responded, by outcome.',
    labels: ['outcome'],
    unit: 'Seconds',
  },
  outbound_outbox_up: {
    type: 'gauge',
    help: '1 if the outbox could be read for this scrape, else 0.',
  },
  outbound_queue_depth: { type: 'gauge', help: 'Deliveries that wait, due or not.' },
  outbound_queue_oldest_seconds: {
    type: 'gauge',
    help: 'Age of the oldest delivery that is due.',
    unit: 'Seconds',
  },
  outbound_statuses_overdue: {
    type: 'gauge',
    help: 'Deliveries handed over more than two days ago that still have no delivery status.',
  },
  outbound_receipts_total: {
    type: 'counter',
    help: 'Receipts received, by status and by result; one that comes again counts again.',
    labels: ['kind', 'result'],
  },
  outbound_receipts_unreadable_total: {
    type: 'counter',
    help: 'Messages in the receipts queue that are not receipts; one that comes again counts again.',
  },
  outbound_receipts_queue_errors_total: {
    type: 'counter',
    help: 'Calls to the receipts queue that failed, after the retries of the SDK.',
    labels: ['action'],
  },
} as const satisfies Readonly<Record<`outbound_${string}`, SeriesDefinition>>;

/** The names of all series of one type. */
export type SeriesOf<
  Type extends SeriesDefinition['type'],
  Series extends Readonly<Record<string, SeriesDefinition>>,
> = {
  [Name in keyof Series & string]: Series[Name]['type'] extends Type ? Name : never;
}[keyof Series & string];
