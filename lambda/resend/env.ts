import * as v from 'valibot';
import type { SendEventTimeout } from '../../lib/domain/event-latency.ts';
import { MAX_SOFT_BOUNCES } from '../../lib/domain/limits.ts';
import type { SoftBouncePolicy } from '../../lib/domain/suppression.ts';
import { RESEND_ENV } from './constants.ts';

const text = v.pipe(v.string(), v.nonEmpty('a value'));

const wholeNumber = v.pipe(v.string(), v.regex(/^\d{1,9}$/, 'a whole number'), v.transform(Number));

const names = v.pipe(
  v.optional(v.string(), ''),
  v.transform((list) => list.split(',').filter((name) => name !== '')),
);

const days = v.pipe(wholeNumber, v.minValue(1, 'at least 1'));

const envSchema = v.object({
  AWS_REGION: text,
  [RESEND_ENV.queueUrl]: text,
  [RESEND_ENV.deadLetterQueueUrl]: text,
  [RESEND_ENV.receiptsQueueUrl]: text,
  [RESEND_ENV.feedbackQueueUrl]: text,
  [RESEND_ENV.payloadBucket]: text,
  [RESEND_ENV.configurationSet]: text,
  [RESEND_ENV.fromDomain]: text,
  [RESEND_ENV.ledgerTable]: text,
  [RESEND_ENV.ledgerRetentionDays]: days,
  [RESEND_ENV.suppressionTable]: text,
  [RESEND_ENV.softBounceLimit]: v.pipe(
    wholeNumber,
    v.minValue(1, 'at least 1'),
    v.maxValue(MAX_SOFT_BOUNCES, `at most ${MAX_SOFT_BOUNCES}`),
  ),
  [RESEND_ENV.softBounceWindowDays]: days,
  [RESEND_ENV.exemptTenants]: names,
  [RESEND_ENV.eventWaitLeastSeconds]: wholeNumber,
  [RESEND_ENV.eventWaitDefaultSeconds]: wholeNumber,
  [RESEND_ENV.eventWaitMostSeconds]: wholeNumber,
  [RESEND_ENV.metricsNamespace]: text,
  [RESEND_ENV.metricsStage]: text,
});

/** What the stack tells the function about its surroundings, and Lambda about its Region. */
export interface ResendEnv {
  readonly region: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly receiptsQueueUrl: string;
  readonly feedbackQueueUrl: string;
  readonly payloadBucket: string;
  readonly configurationSet: string;
  readonly fromDomain: string;
  readonly ledgerTable: string;
  readonly ledgerRetentionDays: number;
  readonly suppressionTable: string;
  readonly softBouncePolicy: SoftBouncePolicy;
  readonly exemptTenants: readonly string[];
  readonly eventWait: SendEventTimeout;
  readonly metricsNamespace: string;
  readonly metricsStage: string;
}

/** @throws an Error that names every variable that is missing or wrong, and what is allowed */
export function readResendEnv(env: Readonly<Record<string, string | undefined>>): ResendEnv {
  const parsed = v.safeParse(envSchema, env);
  if (!parsed.success) throw new Error(`the environment of the function is wrong: ${flaws(parsed.issues)}`);
  const values = parsed.output;
  return {
    region: values.AWS_REGION,
    queueUrl: values[RESEND_ENV.queueUrl],
    deadLetterQueueUrl: values[RESEND_ENV.deadLetterQueueUrl],
    receiptsQueueUrl: values[RESEND_ENV.receiptsQueueUrl],
    feedbackQueueUrl: values[RESEND_ENV.feedbackQueueUrl],
    payloadBucket: values[RESEND_ENV.payloadBucket],
    configurationSet: values[RESEND_ENV.configurationSet],
    fromDomain: values[RESEND_ENV.fromDomain],
    ledgerTable: values[RESEND_ENV.ledgerTable],
    ledgerRetentionDays: values[RESEND_ENV.ledgerRetentionDays],
    suppressionTable: values[RESEND_ENV.suppressionTable],
    softBouncePolicy: {
      softBounces: values[RESEND_ENV.softBounceLimit],
      windowDays: values[RESEND_ENV.softBounceWindowDays],
    },
    exemptTenants: values[RESEND_ENV.exemptTenants],
    eventWait: {
      leastMs: 1000 * values[RESEND_ENV.eventWaitLeastSeconds],
      defaultMs: 1000 * values[RESEND_ENV.eventWaitDefaultSeconds],
      mostMs: 1000 * values[RESEND_ENV.eventWaitMostSeconds],
    },
    metricsNamespace: values[RESEND_ENV.metricsNamespace],
    metricsStage: values[RESEND_ENV.metricsStage],
  };
}

function flaws(issues: readonly v.BaseIssue<unknown>[]): string {
  return issues
    .map((issue) => {
      const needed = issue.kind === 'validation' ? issue.message : 'a value';
      return `${v.getDotPath(issue)} needs ${needed}`;
    })
    .join('; ');
}
