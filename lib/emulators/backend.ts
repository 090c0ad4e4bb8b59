import {
  ACCOUNT_METRICS_ENV,
  ACCOUNT_METRICS_TIMEOUT_SECONDS,
} from '../../lambda/account-metrics/constants.ts';
import {
  FEEDBACK_BATCH_SIZE,
  FEEDBACK_BATCH_WINDOW_SECONDS,
  FEEDBACK_ENV,
  FEEDBACK_TIMEOUT_SECONDS,
} from '../../lambda/feedback/constants.ts';
import { RESEND_BATCH_SIZE, RESEND_ENV, RESEND_TIMEOUT_SECONDS } from '../../lambda/resend/constants.ts';
import { metricNamespace } from '../domain/metrics.ts';
import { bundleLambda } from '../infra/lambda-bundle.ts';
import type { FinishedInvocation } from './lambda/invocation.ts';
import { type LambdaHost, startLambdaHost } from './lambda/lambda-host.ts';
import { ScheduledFunction, type ScheduledFunctionOptions } from './lambda/scheduled-function.ts';
import { type LocalServices, startLocalServices } from './services.ts';

/** As in AWS: a new event source mapping starts with two concurrent batches. */
const CONCURRENCY = 2;

/** Everything between the fallback queue and the receipts, on 127.0.0.1. */
export interface LocalBackend {
  readonly services: LocalServices;
  readonly resendFunction: LambdaHost;
  readonly feedbackFunction: LambdaHost;
  close(): Promise<void>;
}

export interface LocalBackendOptions {
  /** @default as deployed */
  readonly resend?: FunctionPace;
  /** @default as deployed */
  readonly feedback?: FunctionPace;
  /** How long an unknown result waits for its event. */
  readonly eventWaitSeconds: EventWaitSeconds;
  /** The services as the functions reach them, such as through proxies. @default directly */
  readonly reached?: (services: LocalServices) => Promise<LocalServices>;
  /** Additional environment variables of the functions. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The batching window of events. @default as deployed */
  readonly feedbackWindowSeconds?: number;
  readonly onResendLogLine?: (line: string) => void;
  readonly onFeedbackLogLine?: (line: string) => void;
  /** Called with each finished invocation of a function. */
  readonly onInvocation?: (name: FunctionName, invocation: FinishedInvocation) => void;
}

/** The functions with an event source mapping. */
export type FunctionName = 'resend' | 'feedback';

interface FunctionPace {
  readonly timeoutSeconds: number;
  /** Of its queue: when a message is received again after its function was killed. */
  readonly visibilitySeconds: number;
  /** Concurrent invocations. @default 2, with which a new event source mapping starts in AWS */
  readonly concurrency?: number;
}

/**
 * Starts the part of the pipeline that runs on AWS: emulated services, and the same bundles that the CDK
 * deploys, with real SQS events.
 */
export async function startLocalBackend(options: LocalBackendOptions): Promise<LocalBackend> {
  const services = await startLocalServices({
    fallbackVisibilitySeconds: getResendPace(options).visibilitySeconds,
    feedbackVisibilitySeconds: getFeedbackPace(options).visibilitySeconds,
  });
  const reached = (await options.reached?.(services)) ?? services;
  const resendFunction = await startResendFunction(reached, options);
  const feedbackFunction = await startFeedbackFunction(reached, options);
  return {
    services,
    resendFunction,
    feedbackFunction,
    close: async () => {
      await Promise.all([resendFunction.close(), feedbackFunction.close()]);
      await services.close();
    },
  };
}

/** Only the resend Lambda, with its bundle and queues. */
export function startResendFunction(
  services: LocalServices,
  options: LocalBackendOptions,
): Promise<LambdaHost> {
  const { aws } = services;
  return startLambdaHost({
    functionName: 'resend',
    bundleDirectory: bundleLambda('resend').directory,
    environment: { ...resendEnvironment(services, options.eventWaitSeconds), ...options.environment },
    queueUrl: aws.fallback.url,
    queueArn: aws.fallback.arn,
    otherSources: [aws.urgent, aws.held].map(({ url, arn }) => ({
      queueUrl: url,
      queueArn: arn,
      concurrency: CONCURRENCY,
    })),
    sqs: aws.sqs,
    batchSize: RESEND_BATCH_SIZE,
    timeoutSeconds: getResendPace(options).timeoutSeconds,
    concurrency: options.resend?.concurrency ?? CONCURRENCY,
    onLogLine: options.onResendLogLine ?? (() => {}),
    onInvocation: (invocation) => options.onInvocation?.('resend', invocation),
  });
}

/** Only the feedback Lambda, with its bundle and queue. */
export function startFeedbackFunction(
  services: LocalServices,
  options: LocalBackendOptions,
): Promise<LambdaHost> {
  const { aws, feedback } = services;
  return startLambdaHost({
    functionName: 'feedback',
    bundleDirectory: bundleLambda('feedback').directory,
    environment: { ...feedbackEnvironment(services), ...options.environment },
    queueUrl: feedback.url,
    queueArn: feedback.arn,
    sqs: aws.sqs,
    batchSize: FEEDBACK_BATCH_SIZE,
    batchWindowSeconds: options.feedbackWindowSeconds ?? FEEDBACK_BATCH_WINDOW_SECONDS,
    timeoutSeconds: getFeedbackPace(options).timeoutSeconds,
    concurrency: options.feedback?.concurrency ?? CONCURRENCY,
    onLogLine: options.onFeedbackLogLine ?? (() => {}),
    onInvocation: (invocation) => options.onInvocation?.('feedback', invocation),
  });
}

/** The account-metrics Lambda, with its bundle; it runs only when invoked. */
export function startAccountMetricsFunction(
  services: Pick<LocalServices, 'dynamoDb' | 'ses'>,
  user: MeteredUser,
  listeners: Pick<ScheduledFunctionOptions, 'onLogLine' | 'onInvocation'> = {},
): ScheduledFunction {
  return new ScheduledFunction({
    functionName: 'account-metrics',
    bundleDirectory: bundleLambda('account-metrics').directory,
    environment: accountMetricsEnvironment(services, user),
    timeoutSeconds: ACCOUNT_METRICS_TIMEOUT_SECONDS,
    ...listeners,
  });
}

function getResendPace({ resend }: LocalBackendOptions): FunctionPace {
  return resend ?? deployedPace(RESEND_TIMEOUT_SECONDS);
}

function getFeedbackPace({ feedback }: LocalBackendOptions): FunctionPace {
  return feedback ?? deployedPace(FEEDBACK_TIMEOUT_SECONDS);
}

function deployedPace(timeoutSeconds: number): FunctionPace {
  return { timeoutSeconds, visibilitySeconds: 6 * timeoutSeconds };
}

/** How long an unknown result waits for its event. */
export interface EventWaitSeconds {
  readonly least: number;
  readonly default: number;
  readonly most: number;
}

/** As in the settings of the stack. */
const COMMON = { retentionDays: '90', softBounceLimit: '3', softBounceWindowDays: '7' };

/** As the stack sets it with the default settings. */
const METRICS_ENV = { namespace: metricNamespace('keybuzz'), stage: 'dev' };

/** The stack's environment of the resend Lambda, plus the endpoints of the emulators. */
export function resendEnvironment(
  services: LocalServices,
  eventWaitSeconds: EventWaitSeconds,
): Record<string, string> {
  const { aws, dynamoDb, ses } = services;
  return {
    [RESEND_ENV.queueUrl]: aws.fallback.url,
    [RESEND_ENV.urgentQueueUrl]: aws.urgent.url,
    [RESEND_ENV.heldQueueUrl]: aws.held.url,
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
    [RESEND_ENV.reputationFuse]: 'on',
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
    [FEEDBACK_ENV.reputationFuse]: 'on',
    [FEEDBACK_ENV.metricsNamespace]: METRICS_ENV.namespace,
    [FEEDBACK_ENV.metricsStage]: METRICS_ENV.stage,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
  };
}

/** The IAM endpoint, and the user whose access key the API uses. */
export interface MeteredUser {
  readonly iamEndpoint: string;
  readonly userName: string;
}

/** The same for the account-metrics Lambda. */
export function accountMetricsEnvironment(
  { dynamoDb, ses }: Pick<LocalServices, 'dynamoDb' | 'ses'>,
  { iamEndpoint, userName }: MeteredUser,
): Record<string, string> {
  return {
    [ACCOUNT_METRICS_ENV.metricsNamespace]: METRICS_ENV.namespace,
    [ACCOUNT_METRICS_ENV.metricsStage]: METRICS_ENV.stage,
    [ACCOUNT_METRICS_ENV.userName]: userName,
    [ACCOUNT_METRICS_ENV.suppressionTable]: dynamoDb.suppressionTable,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
    AWS_ENDPOINT_URL_IAM: iamEndpoint,
    AWS_ENDPOINT_URL_SESV2: ses.url,
  };
}
