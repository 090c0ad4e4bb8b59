import { MAX_CONTENT_BYTES } from '../../lib/domain/limits.ts';

/**
 * Constants shared by the resend Lambda and the stack that deploys it.
 */

/** The most that Lambda takes without waiting for more. They are processed side by side. */
export const RESEND_BATCH_SIZE = 10;

/** Bytes of mail that one function has in memory at a time; a single one may be that large. */
export const MAX_BYTES_IN_MEMORY = MAX_CONTENT_BYTES;

export const RESEND_TIMEOUT_SECONDS = 90;

/** Timeout of one SES call, including reading the response; after it the result counts as unknown. */
export const SES_CALL_TIMEOUT_MS = 20_000;

/** Timeout of asking SES for the quota or the statistics, including the SDK's retry. */
export const ACCOUNT_LIMITS_TIMEOUT_MS = 3_000;

/** Timeout of one SQS call, including the SDK's retries. */
export const SQS_CALL_TIMEOUT_MS = 4_000;

/** Timeout of reading a payload, including the SDK's retries and the body. */
export const PAYLOAD_TIMEOUT_MS = 15_000;

/** Timeout of one DynamoDB call, including the SDK's retries. */
export const DYNAMODB_CALL_TIMEOUT_MS = 2_000;

/**
 * One SES call; the ledger and suppression list calls before and after it; and the SQS calls: sent receipts,
 * the remainder, receipts and dead letter of one group of refused recipients, and at the end the receipts of
 * the batch and the visibility timeout of a message to retry.
 */
export const NEEDED_FOR_ONE_SEND_MS =
  SES_CALL_TIMEOUT_MS + 4 * DYNAMODB_CALL_TIMEOUT_MS + 6 * SQS_CALL_TIMEOUT_MS;

/** AWS recommends six times the function's timeout, or SQS could redeliver a batch while it is processed. */
export const FALLBACK_VISIBILITY_SECONDS = 6 * RESEND_TIMEOUT_SECONDS;

/** Environment variables that the stack sets and the handler reads. */
export const RESEND_ENV = {
  queueUrl: 'FALLBACK_QUEUE_URL',
  urgentQueueUrl: 'URGENT_QUEUE_URL',
  /** Of mail that the function holds. */
  heldQueueUrl: 'HELD_QUEUE_URL',
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
  /** Comma-separated tenants whose mail is sent despite soft bounces; may be empty. */
  exemptTenants: 'SUPPRESSION_EXEMPT_TENANTS',
  /** `on` or `off`. */
  reputationFuse: 'REPUTATION_FUSE',
  eventWaitLeastSeconds: 'EVENT_WAIT_LEAST_SECONDS',
  eventWaitDefaultSeconds: 'EVENT_WAIT_DEFAULT_SECONDS',
  eventWaitMostSeconds: 'EVENT_WAIT_MOST_SECONDS',
  metricsNamespace: 'METRICS_NAMESPACE',
  metricsStage: 'METRICS_STAGE',
} as const;
