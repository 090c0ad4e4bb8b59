import {
  FEEDBACK_BATCH_SIZE,
  FEEDBACK_BATCH_WINDOW_SECONDS,
  FEEDBACK_TIMEOUT_SECONDS,
} from '../../lambda/feedback/constants.ts';
import { RESEND_BATCH_SIZE, RESEND_TIMEOUT_SECONDS } from '../../lambda/resend/constants.ts';
import { WATCH_TIMEOUT_SECONDS } from '../../lambda/watch/constants.ts';
import { bundleLambda } from '../infra/lambda-bundle.ts';
import {
  type EventWaitSeconds,
  feedbackEnvironment,
  resendEnvironment,
  type WatchedUser,
  watchEnvironment,
} from './function-environments.ts';
import type { FinishedInvocation } from './lambda/finished-invocation.ts';
import { type LambdaHost, startLambdaHost } from './lambda/lambda-host.ts';
import { ScheduledFunction, type ScheduledFunctionOptions } from './lambda/scheduled-function.ts';
import { type LocalServices, startLocalServices } from './local-services.ts';

/** What the deployed stack starts with: a new event source mapping works two batches at a time. */
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
  /** How long a lost answer waits for its event. */
  readonly eventWaitSeconds: EventWaitSeconds;
  /** How long events are gathered. @default as deployed */
  readonly feedbackWindowSeconds?: number;
  readonly onResendLogLine?: (line: string) => void;
  readonly onFeedbackLogLine?: (line: string) => void;
  /** Called with each invocation of a function that has ended. */
  readonly onInvocation?: (name: FunctionName, invocation: FinishedInvocation) => void;
}

/** The functions that a queue feeds. */
export type FunctionName = 'resend' | 'feedback';

interface FunctionPace {
  readonly timeoutSeconds: number;
  /** Of its queue: how soon a message comes again whose function was killed. */
  readonly visibilitySeconds: number;
}

/**
 * Starts the part of the pipeline that runs on AWS: the emulated services, and on them the very bundles that the CDK
 * would deploy, fed with real SQS events.
 */
export async function startLocalBackend(options: LocalBackendOptions): Promise<LocalBackend> {
  const services = await startLocalServices({
    fallbackVisibilitySeconds: resendPaceOf(options).visibilitySeconds,
    feedbackVisibilitySeconds: feedbackPaceOf(options).visibilitySeconds,
  });
  const resendFunction = await startResendFunction(services, options);
  const feedbackFunction = await startFeedbackFunction(services, options);
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

/** The resend Lambda alone, with its bundle and its queue. */
export function startResendFunction(
  services: LocalServices,
  options: LocalBackendOptions,
): Promise<LambdaHost> {
  const { aws } = services;
  return startLambdaHost({
    functionName: 'resend',
    bundleDirectory: bundleLambda('resend').directory,
    environment: resendEnvironment(services, options.eventWaitSeconds),
    queueUrl: aws.fallback.url,
    queueArn: aws.fallback.arn,
    sqs: aws.sqs,
    batchSize: RESEND_BATCH_SIZE,
    timeoutSeconds: resendPaceOf(options).timeoutSeconds,
    concurrency: CONCURRENCY,
    onLogLine: options.onResendLogLine ?? (() => {}),
    onInvocation: (invocation) => options.onInvocation?.('resend', invocation),
  });
}

/** The feedback Lambda alone, likewise. */
export function startFeedbackFunction(
  services: LocalServices,
  options: LocalBackendOptions,
): Promise<LambdaHost> {
  const { aws, feedback } = services;
  return startLambdaHost({
    functionName: 'feedback',
    bundleDirectory: bundleLambda('feedback').directory,
    environment: feedbackEnvironment(services),
    queueUrl: feedback.url,
    queueArn: feedback.arn,
    sqs: aws.sqs,
    batchSize: FEEDBACK_BATCH_SIZE,
    batchWindowSeconds: options.feedbackWindowSeconds ?? FEEDBACK_BATCH_WINDOW_SECONDS,
    timeoutSeconds: feedbackPaceOf(options).timeoutSeconds,
    concurrency: CONCURRENCY,
    onLogLine: options.onFeedbackLogLine ?? (() => {}),
    onInvocation: (invocation) => options.onInvocation?.('feedback', invocation),
  });
}

/** The watch Lambda, with its bundle; it looks whenever it is invoked. */
export function startWatchFunction(
  services: Pick<LocalServices, 'dynamoDb' | 'ses'>,
  user: WatchedUser,
  listeners: Pick<ScheduledFunctionOptions, 'onLogLine' | 'onInvocation'> = {},
): ScheduledFunction {
  return new ScheduledFunction({
    functionName: 'watch',
    bundleDirectory: bundleLambda('watch').directory,
    environment: watchEnvironment(services, user),
    timeoutSeconds: WATCH_TIMEOUT_SECONDS,
    ...listeners,
  });
}

function resendPaceOf({ resend }: LocalBackendOptions): FunctionPace {
  return resend ?? deployed(RESEND_TIMEOUT_SECONDS);
}

function feedbackPaceOf({ feedback }: LocalBackendOptions): FunctionPace {
  return feedback ?? deployed(FEEDBACK_TIMEOUT_SECONDS);
}

function deployed(timeoutSeconds: number): FunctionPace {
  return { timeoutSeconds, visibilitySeconds: 6 * timeoutSeconds };
}
