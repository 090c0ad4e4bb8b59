/**
 * What the account-metrics Lambda and the stack that deploys it must agree on.
 */

/** How often it publishes. Alarms on its metrics must not use a shorter period. */
export const ACCOUNT_METRICS_PERIOD_MINUTES = 5;

/** The time one call of SES, IAM or DynamoDB may take, the tries of the SDK included. All are made at once. */
export const ACCOUNT_METRICS_CALL_TIMEOUT_MS = 8_000;

/** A cold start, the calls, and publishing their results. */
export const ACCOUNT_METRICS_TIMEOUT_SECONDS = 30;

/** The names of the environment variables that the stack sets and the handler reads. */
export const ACCOUNT_METRICS_ENV = {
  metricsNamespace: 'METRICS_NAMESPACE',
  metricsStage: 'METRICS_STAGE',
  /** The IAM user whose access key the API holds. */
  userName: 'API_USER_NAME',
  suppressionTable: 'SUPPRESSION_TABLE',
} as const;
