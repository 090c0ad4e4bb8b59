import * as v from 'valibot';
import { MAX_SOFT_BOUNCES } from '../../lib/message/limits.ts';
import { FEEDBACK_ENV } from './constants.ts';

const text = (pattern: RegExp, allowed: string) => v.pipe(v.string(allowed), v.regex(pattern, allowed));

const url = text(/^https?:\/\/[^\s/]+\/\S+$/, 'the URL of a queue');

const table = text(/^[A-Za-z0-9_.-]{3,255}$/, 'the name of a table');

const wholeNumber = (least: number, most: number) => {
  const allowed = `a whole number from ${least} to ${most}`;
  return v.pipe(
    text(/^\d{1,9}$/, allowed),
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
  fromDomain: text(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'a domain name in lower case'),
  metricsNamespace: text(/^[\w.\-/#:]{1,255}$/, 'a namespace of CloudWatch'),
  metricsStage: text(/^[\w-]{1,64}$/, 'the name of a stage'),
  region: text(/^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/, 'a region of AWS'),
} satisfies Record<keyof typeof VARIABLES, v.GenericSchema>);

/** What the stack, and Lambda itself, tell the function about its surroundings. */
export type FeedbackEnv = v.InferOutput<typeof feedbackEnvSchema>;

const VARIABLES = { ...FEEDBACK_ENV, region: 'AWS_REGION' } as const;

/** @throws an Error that names every variable that is missing or wrong, and what is allowed there */
export function readFeedbackEnv(env: Readonly<Record<string, string | undefined>>): FeedbackEnv {
  const names = Object.entries(VARIABLES);
  const parsed = v.safeParse(
    feedbackEnvSchema,
    Object.fromEntries(names.map(([field, variable]) => [field, env[variable] ?? ''])),
    { abortPipeEarly: true },
  );
  if (parsed.success) return parsed.output;
  const wrong = parsed.issues.map(({ path, message }) => {
    const variable = names.find(([field]) => field === path?.[0].key)?.[1] ?? '';
    const value = env[variable];
    return `${variable} is ${value === undefined ? 'not set' : JSON.stringify(value)}, allowed is ${message}`;
  });
  throw new Error(`wrong in the environment of the function: ${wrong.join('; ')}`);
}
