/**
 * What the resend Lambda and the stack that deploys it must agree on.
 */

/** A batch is worked one record after another. What there is no time for goes back to the queue. */
export const RESEND_BATCH_SIZE = 5;

export const RESEND_TIMEOUT_SECONDS = 90;

/** The time one SES call may take, its answer read to the end; past it the answer counts as lost. */
export const SES_CALL_TIMEOUT_MS = 20_000;

/** The time one call of SQS may take, the tries of the SDK included. */
export const SQS_CALL_TIMEOUT_MS = 4_000;

/** The time that reading a payload may take, the tries of the SDK and the body included. */
export const PAYLOAD_TIMEOUT_MS = 15_000;

/** The time one call of DynamoDB may take, the tries of the SDK included. */
export const DYNAMODB_CALL_TIMEOUT_MS = 2_000;

/**
 * One SES call; what ledger and suppression list are asked before it and told after it; and what has to be told to SQS:
 * receipts of who was sent to, what is left, and for one group of refused recipients receipts and the dead letter;
 * at the end receipts of the batch, and when a message is to come again.
 */
export const NEEDED_FOR_ONE_SEND_MS =
  SES_CALL_TIMEOUT_MS + 4 * DYNAMODB_CALL_TIMEOUT_MS + 6 * SQS_CALL_TIMEOUT_MS;

/** AWS asks for six times the function's timeout, or a batch could be handed out twice while it is still worked. */
export const FALLBACK_VISIBILITY_SECONDS = 6 * RESEND_TIMEOUT_SECONDS;

/** The names of the environment variables that the stack sets and the handler reads. */
export const RESEND_ENV = {
  queueUrl: 'FALLBACK_QUEUE_URL',
  deadLetterQueueUrl: 'DEAD_LETTER_QUEUE_URL',
  payloadBucket: 'PAYLOAD_BUCKET',
  configurationSet: 'CONFIGURATION_SET',
  fromDomain: 'FROM_DOMAIN',
  receiptsQueueUrl: 'RECEIPTS_QUEUE_URL',
  feedbackQueueUrl: 'FEEDBACK_QUEUE_URL',
  ledgerTable: 'LEDGER_TABLE',
  ledgerRetentionDays: 'LEDGER_RETENTION_DAYS',
  suppressionTable: 'SUPPRESSION_TABLE',
  softBounceLimit: 'SOFT_BOUNCE_LIMIT',
  softBounceWindowDays: 'SOFT_BOUNCE_WINDOW_DAYS',
  /** Tenants, with a comma between, whose mail is sent in spite of soft bounces; may be empty. */
  exemptTenants: 'SUPPRESSION_EXEMPT_TENANTS',
  eventWaitLeastSeconds: 'EVENT_WAIT_LEAST_SECONDS',
  eventWaitDefaultSeconds: 'EVENT_WAIT_DEFAULT_SECONDS',
  eventWaitMostSeconds: 'EVENT_WAIT_MOST_SECONDS',
  metricsNamespace: 'METRICS_NAMESPACE',
  metricsStage: 'METRICS_STAGE',
} as const;
