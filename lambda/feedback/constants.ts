/**
 * What the feedback Lambda and the stack that deploys it must agree on.
 */

/** Events of one mail come within seconds of each other; taken together they are one write and one receipt queue call. */
export const FEEDBACK_BATCH_SIZE = 50;

/**
 * How long to gather. Most mails are delivered within seconds of being sent: their Send and Delivery events come in
 * one batch then. A lost answer waits for its event at least a minute, so that some seconds more do not matter.
 */
export const FEEDBACK_BATCH_WINDOW_SECONDS = 5;

export const FEEDBACK_TIMEOUT_SECONDS = 60;

/** The time one call of SQS or DynamoDB may take, the tries of the SDK included. */
export const FEEDBACK_CALL_TIMEOUT_MS = 4_000;

/**
 * What the ledger and the queue of the receipts are asked for one part of a delivery (read, prove, push, write), and
 * what is left to say of the batch: postpone, count the latencies. The suppression list is told meanwhile.
 */
export const NEEDED_FOR_ONE_JOB_MS = 6 * FEEDBACK_CALL_TIMEOUT_MS;

/**
 * AWS asks for six times the function's timeout, and the batch window on top.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export const FEEDBACK_VISIBILITY_SECONDS = 6 * FEEDBACK_TIMEOUT_SECONDS + FEEDBACK_BATCH_WINDOW_SECONDS;

/**
 * An event that failed comes again after this time at the latest. The resend Lambda takes an event that is younger
 * than a lost answer, by more than this and the visibility timeout, for proof that the way is clear. With it, the
 * 1,000 tries that SQS allows outlast an outage of almost a week.
 */
export const FEEDBACK_MAX_RETRY_SECONDS = 10 * 60;

/** The names of the environment variables that the stack sets and the handler reads. */
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
  metricsNamespace: 'METRICS_NAMESPACE',
  metricsStage: 'METRICS_STAGE',
} as const;
