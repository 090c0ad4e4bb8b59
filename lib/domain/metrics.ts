import { FAILURE_CLASSES } from './failure.ts';

/**
 * All metrics with source and unit. Code, dashboards, alarms and docs take names and units only from here.
 * All metrics have the dimension `stage`; some have a second one, whose values are a closed set, because
 * CloudWatch charges for each combination of values.
 *
 * A mail to two recipients counts as two, as in SES and at the receivers, unless the metric says otherwise.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
 */

/** As spelled by CloudWatch. */
export type MetricUnit = 'Count' | 'Bytes' | 'Seconds' | 'Milliseconds' | 'Percent' | 'None';

type MetricSource = 'resend' | 'feedback' | 'account-metrics' | 'worker';

export interface MetricDefinition {
  readonly unit: MetricUnit;
  /** Who emits it. */
  readonly source: MetricSource;
  readonly meaning: string;
  /** A second dimension. */
  readonly by?: {
    readonly dimension: 'class' | 'cause';
    readonly values: readonly string[];
    /** Whether it is emitted without the second dimension as well. */
    readonly total: boolean;
  };
}

/** Label value for anything outside a closed set. */
export const OTHER_VALUE = 'other';

/** SMTP was not tried: the sender wrote the envelope to the queue directly. */
export const NOT_TRIED = 'not-tried';

/** Why a mail is a dead letter. */
const DEAD_LETTER_CAUSES = [
  ...['too-large', 'not-json', 'wrong-version', 'wrong-schema', 'corrupt', 'size-mismatch', 'hash-mismatch'],
  ...[
    'payload-missing',
    'not-crlf',
    'malformed-header',
    'not-composable',
    'ses-control-header',
    'foreign-sender',
    'from-domain-case',
    'needs-smtputf8',
  ],
  ...['id-conflict', 'expired', 'retention-ends', 'refused-by-ses', OTHER_VALUE],
] as const;

export const METRICS = {
  HandedOver: {
    unit: 'Count',
    source: 'resend',
    meaning: 'Handed over for the first time, by the class of the SMTP failure, or by why SMTP was not tried',
    by: { dimension: 'class', values: [...FAILURE_CLASSES, NOT_TRIED], total: true },
  },
  SmtpDown: {
    unit: 'Count',
    source: 'resend',
    meaning: 'Of those handed over, the ones whose failure any mail would have had: the server is at fault',
  },
  Resent: { unit: 'Count', source: 'resend', meaning: 'Accepted by SES' },
  ResentBytes: { unit: 'Bytes', source: 'resend', meaning: 'Size of what SES accepted, once for each call' },
  Suppressed: {
    unit: 'Count',
    source: 'resend',
    meaning: 'Not sent, since the recipient is on the suppression list',
    by: {
      dimension: 'cause',
      values: ['hard-bounce', 'complaint', 'soft-bounces', 'manual'],
      total: false,
    },
  },
  Expired: { unit: 'Count', source: 'resend', meaning: 'Expired before it could be sent' },
  DeadLettered: {
    unit: 'Count',
    source: 'resend',
    meaning: 'Dead letters written, by cause',
    by: { dimension: 'cause', values: DEAD_LETTER_CAUSES, total: false },
  },
  DuplicatesPrevented: {
    unit: 'Count',
    source: 'resend',
    meaning: 'Not sent again, since the ledger knew that SES had accepted it',
  },
  UnknownOutcomes: { unit: 'Count', source: 'resend', meaning: 'Calls to SES that ended without a response' },
  UnknownOutcomesResolved: {
    unit: 'Count',
    source: 'resend',
    meaning: 'Lost responses whose outcome is now known, or was decided',
    by: { dimension: 'cause', values: ['event', 'sent-again', 'parked'], total: false },
  },
  TimeToAcceptance: {
    unit: 'Milliseconds',
    source: 'resend',
    meaning: 'From the SMTP failure until SES accepted the mail, once for each call',
  },
  Throttled: {
    unit: 'Count',
    source: 'resend',
    meaning: 'Calls that SES refused for the sending rate, although the common line was kept',
  },
  FuseHeld: {
    unit: 'Count',
    source: 'resend',
    meaning: 'Recipients whose mail the reputation fuse holds',
  },
  MailRetryAge: {
    unit: 'Seconds',
    source: 'resend',
    meaning: 'Time in the queue of a mail that stays there after an attempt; without held mail',
  },
  Delivered: { unit: 'Count', source: 'feedback', meaning: "Accepted by the recipient's server" },
  Bounced: {
    unit: 'Count',
    source: 'feedback',
    meaning: "Refused by the recipient's server, permanently (hard) or for now (soft)",
    by: { dimension: 'cause', values: ['hard', 'soft'], total: false },
  },
  Complained: { unit: 'Count', source: 'feedback', meaning: 'Reported as spam by the recipient' },
  TimeToDelivery: {
    unit: 'Milliseconds',
    source: 'feedback',
    meaning: "From the SMTP failure until the recipient's server accepted the mail",
  },
  SentTwice: {
    unit: 'Count',
    source: 'feedback',
    meaning: 'Send batches that SES accepted more than once',
  },
  EventsUnreadable: {
    unit: 'Count',
    source: 'feedback',
    meaning: 'SES events that became dead letters',
  },
  EventRetryAge: {
    unit: 'Seconds',
    source: 'feedback',
    meaning: 'Time in the queue of an event that stays there after an attempt',
  },
  QuotaUsed: { unit: 'Percent', source: 'account-metrics', meaning: 'Share of the 24-hour quota of SES' },
  QuotaLimit: { unit: 'Count', source: 'account-metrics', meaning: 'The 24-hour quota of SES' },
  QuotaRate: {
    unit: 'Count',
    source: 'account-metrics',
    meaning: 'Recipients a second that SES allows',
  },
  SendingPaused: {
    unit: 'None',
    source: 'account-metrics',
    meaning: '1 while SES sends nothing for the account, else 0',
  },
  KeyAgeDays: {
    unit: 'None',
    source: 'account-metrics',
    meaning: "Age in days of the API's oldest active access key",
  },
  SuppressionEntries: {
    unit: 'Count',
    source: 'account-metrics',
    meaning: 'Entries of the suppression list, as DynamoDB counts them every six hours',
  },
  SmtpTaken: {
    unit: 'Count',
    source: 'worker',
    meaning: 'Deliveries that SMTP accepted, for all recipients or for some',
  },
  SmtpFailed: {
    unit: 'Count',
    source: 'worker',
    meaning: 'Attempts that SMTP did not accept, or not for all recipients, by class',
    by: { dimension: 'class', values: FAILURE_CLASSES, total: false },
  },
  OutboxWaiting: { unit: 'Count', source: 'worker', meaning: 'Deliveries that wait, due or not' },
  OutboxOldestDue: { unit: 'Seconds', source: 'worker', meaning: 'Age of the oldest delivery that is due' },
  StatusesOverdue: {
    unit: 'Count',
    source: 'worker',
    meaning: 'Deliveries handed over more than two days ago that still have no delivery status',
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

/** The values of a metric's second dimension; a metric without one has none. */
export type MetricLabel<Name extends MetricName> = (typeof METRICS)[Name] extends {
  readonly by: { readonly values: readonly (infer Value extends string)[] };
}
  ? Value
  : never;

/** The namespace of a project's Lambda metrics. */
export function metricNamespace(project: string): string {
  return `${project}/mail`;
}

/**
 * The namespace of the worker's metrics: its key is outside AWS, and a leaked key must not allow writes to
 * metrics that the other alarms use.
 */
export function workerMetricNamespace(project: string): string {
  return `${project}/mail-worker`;
}
