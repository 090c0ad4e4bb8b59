/**
 * Constants shared by the feedback Lambda and the stack that deploys it.
 */

/** Events of one mail arrive within seconds; batched, they need one write and one receipt queue call. */
export const FEEDBACK_BATCH_SIZE = 50;

/**
 * Most mails are delivered within seconds of being sent, so this puts their Send and Delivery events into one
 * batch. A batch whose result is unknown waits for its event at least a minute, so a few seconds more do not
 * matter.
 */
export const FEEDBACK_BATCH_WINDOW_SECONDS = 5;

export const FEEDBACK_TIMEOUT_SECONDS = 60;

/** Timeout of one SQS or DynamoDB call, including the SDK's retries. */
export const FEEDBACK_CALL_TIMEOUT_MS = 4_000;

/**
 * Ledger and receipt queue calls of one send batch (read, prove, push, write), and those at the end of the
 * invocation: postpone, count latencies. The suppression list is called in parallel.
 */
export const NEEDED_FOR_ONE_JOB_MS = 6 * FEEDBACK_CALL_TIMEOUT_MS;

/**
 * AWS asks for six times the function's timeout, and the batch window on top.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export const FEEDBACK_VISIBILITY_SECONDS = 6 * FEEDBACK_TIMEOUT_SECONDS + FEEDBACK_BATCH_WINDOW_SECONDS;

/**
 * Maximum delay before a failed event is retried. The resend Lambda takes an event that is younger than an
 * unknown result, by more than this plus the visibility timeout, as proof that no older event is pending.
 * With this delay, the 1,000 receives that SQS allows outlast an outage of almost a week.
 */
export const FEEDBACK_MAX_RETRY_SECONDS = 10 * 60;

/** Environment variables that the stack sets and the handler reads. */
export const FEEDBACK_ENV = {
  queueUrl: 'FEEDBACK_QUEUE_URL',
  deadLetterQueueUrl: 'FEEDBACK_DEAD_LETTER_QUEUE_URL',
  receiptsQueueUrl: 'RECEIPTS_QUEUE_URL',
  ledgerTable: 'LEDGER_TABLE',
  ledgerRetentionDays: 'LEDGER_RETENTION_DAYS',
  suppressionTable: 'SUPPRESSION_TABLE',
  softBounceLimit: 'SOFT_BOUNCE_LIMIT',
  softBounceWindowDays: 'SOFT_BOUNCE_WINDOW_DAYS',
  fromDomain: 'FROM_DOMAIN',
  /** `on` or `off`. */
  reputationFuse: 'REPUTATION_FUSE',
  metricsNamespace: 'METRICS_NAMESPACE',
  metricsStage: 'METRICS_STAGE',
} as const;
