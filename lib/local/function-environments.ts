import { FEEDBACK_ENV } from '../../lambda/feedback/constants.ts';
import { RESEND_ENV } from '../../lambda/resend/constants.ts';
import { WATCH_ENV } from '../../lambda/watch/constants.ts';
import { metricNamespace } from '../message/metrics.ts';
import type { LocalServices } from './local-services.ts';

/** How long a lost answer waits for its event. */
export interface EventWaitSeconds {
  readonly least: number;
  readonly default: number;
  readonly most: number;
}

/** As in the settings of the stack. */
const COMMON = { retentionDays: '90', softBounceLimit: '3', softBounceWindowDays: '7' };

/** As the stack sets it with the default settings. */
const METRICS_ENV = { namespace: metricNamespace('keybuzz'), stage: 'dev' };

/** What the stack sets for the resend Lambda, and where the SDK finds the services in place of AWS. */
export function resendEnvironment(
  services: LocalServices,
  eventWaitSeconds: EventWaitSeconds,
): Record<string, string> {
  const { aws, dynamoDb, ses } = services;
  return {
    [RESEND_ENV.queueUrl]: aws.fallback.url,
    [RESEND_ENV.deadLetterQueueUrl]: aws.deadLetters.url,
    [RESEND_ENV.receiptsQueueUrl]: services.receipts.url,
    [RESEND_ENV.feedbackQueueUrl]: services.feedback.url,
    [RESEND_ENV.payloadBucket]: aws.bucket,
    [RESEND_ENV.configurationSet]: services.configurationSet,
    [RESEND_ENV.fromDomain]: services.fromDomain,
    [RESEND_ENV.ledgerTable]: dynamoDb.ledgerTable,
    [RESEND_ENV.ledgerRetentionDays]: COMMON.retentionDays,
    [RESEND_ENV.suppressionTable]: dynamoDb.suppressionTable,
    [RESEND_ENV.softBounceLimit]: COMMON.softBounceLimit,
    [RESEND_ENV.softBounceWindowDays]: COMMON.softBounceWindowDays,
    [RESEND_ENV.exemptTenants]: '',
    [RESEND_ENV.eventWaitLeastSeconds]: String(eventWaitSeconds.least),
    [RESEND_ENV.eventWaitDefaultSeconds]: String(eventWaitSeconds.default),
    [RESEND_ENV.eventWaitMostSeconds]: String(eventWaitSeconds.most),
    [RESEND_ENV.metricsNamespace]: METRICS_ENV.namespace,
    [RESEND_ENV.metricsStage]: METRICS_ENV.stage,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
    AWS_ENDPOINT_URL_SES: ses.url,
    AWS_ENDPOINT_URL_SESV2: ses.url,
  };
}

/** The same for the feedback Lambda. */
export function feedbackEnvironment(services: LocalServices): Record<string, string> {
  const { aws, dynamoDb } = services;
  return {
    [FEEDBACK_ENV.queueUrl]: services.feedback.url,
    [FEEDBACK_ENV.deadLetterQueueUrl]: services.feedbackDeadLetters.url,
    [FEEDBACK_ENV.receiptsQueueUrl]: services.receipts.url,
    [FEEDBACK_ENV.ledgerTable]: dynamoDb.ledgerTable,
    [FEEDBACK_ENV.ledgerRetentionDays]: COMMON.retentionDays,
    [FEEDBACK_ENV.suppressionTable]: dynamoDb.suppressionTable,
    [FEEDBACK_ENV.softBounceLimit]: COMMON.softBounceLimit,
    [FEEDBACK_ENV.softBounceWindowDays]: COMMON.softBounceWindowDays,
    [FEEDBACK_ENV.fromDomain]: services.fromDomain,
    [FEEDBACK_ENV.metricsNamespace]: METRICS_ENV.namespace,
    [FEEDBACK_ENV.metricsStage]: METRICS_ENV.stage,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
  };
}

/** The IAM of an account, and the user in it whose key the API would have. */
export interface WatchedUser {
  readonly iamEndpoint: string;
  readonly userName: string;
}

/** The same for the watch Lambda. */
export function watchEnvironment(
  { dynamoDb, ses }: Pick<LocalServices, 'dynamoDb' | 'ses'>,
  { iamEndpoint, userName }: WatchedUser,
): Record<string, string> {
  return {
    [WATCH_ENV.metricsNamespace]: METRICS_ENV.namespace,
    [WATCH_ENV.metricsStage]: METRICS_ENV.stage,
    [WATCH_ENV.userName]: userName,
    [WATCH_ENV.suppressionTable]: dynamoDb.suppressionTable,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
    AWS_ENDPOINT_URL_IAM: iamEndpoint,
    AWS_ENDPOINT_URL_SESV2: ses.url,
  };
}
