import * as v from 'valibot';
import { readFunctionEnvironment, variable } from '../../lib/common/config.ts';
import { MAX_SOFT_BOUNCES } from '../../lib/domain/limits.ts';
import { FEEDBACK_ENV } from './constants.ts';

const url = variable(/^https?:\/\/[^\s/]+\/\S+$/, 'the URL of a queue');

const table = variable(/^[A-Za-z0-9_.-]{3,255}$/, 'the name of a table');

const wholeNumber = (least: number, most: number) => {
  const allowed = `a whole number from ${least} to ${most}`;
  return v.pipe(
    variable(/^\d{1,9}$/, allowed),
    v.transform(Number),
    v.minValue(least, allowed),
    v.maxValue(most, allowed),
  );
};

const feedbackEnvSchema = v.object({
  queueUrl: url,
  deadLetterQueueUrl: url,
  receiptsQueueUrl: url,
  ledgerTable: table,
  ledgerRetentionDays: wholeNumber(1, 3650),
  suppressionTable: table,
  softBounceLimit: wholeNumber(1, MAX_SOFT_BOUNCES),
  softBounceWindowDays: wholeNumber(1, 3650),
  fromDomain: variable(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'a domain name in lower case'),
  metricsNamespace: variable(/^[\w.\-/#:]{1,255}$/, 'a namespace of CloudWatch'),
  metricsStage: variable(/^[\w-]{1,64}$/, 'the name of a stage'),
  region: variable(/^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/, 'a region of AWS'),
} satisfies Record<keyof typeof VARIABLES, v.GenericSchema>);

/** What the stack, and Lambda itself, tell the function about its surroundings. */
export type FeedbackEnv = v.InferOutput<typeof feedbackEnvSchema>;

const VARIABLES = { ...FEEDBACK_ENV, region: 'AWS_REGION' } as const;

/** @throws an Error that names every variable that is missing or wrong, and what is allowed there */
export function readFeedbackEnv(env: Readonly<Record<string, string | undefined>>): FeedbackEnv {
  return readFunctionEnvironment(feedbackEnvSchema, VARIABLES, env);
}
