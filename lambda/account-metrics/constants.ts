/**
 * Constants shared by the account-metrics Lambda and the stack that deploys it.
 */

/** Publishing interval. Alarms on its metrics must not use a shorter period. */
export const ACCOUNT_METRICS_PERIOD_MINUTES = 5;

/** Timeout of one SES, IAM or DynamoDB call, including the SDK's retries. All calls run in parallel. */
export const ACCOUNT_METRICS_CALL_TIMEOUT_MS = 8_000;

/** A cold start, the calls, and publishing their results. */
export const ACCOUNT_METRICS_TIMEOUT_SECONDS = 30;

/** Environment variables that the stack sets and the handler reads. */
export const ACCOUNT_METRICS_ENV = {
  metricsNamespace: 'METRICS_NAMESPACE',
  metricsStage: 'METRICS_STAGE',
  /** The IAM user whose access key the API uses. */
  userName: 'API_USER_NAME',
  suppressionTable: 'SUPPRESSION_TABLE',
} as const;
