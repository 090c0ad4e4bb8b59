import * as v from 'valibot';
import { type Environment, readEnvironment, setting, settingsOf } from '../../lib/common/config.ts';
import { allowed, integer, region, text } from '../../lib/common/schemas.ts';
import type { SendEventTimeout } from '../../lib/domain/event-latency.ts';
import { MAX_SOFT_BOUNCES } from '../../lib/domain/limits.ts';
import type { SoftBouncePolicy } from '../../lib/domain/suppression.ts';
import { RESEND_ENV as ENV } from './constants.ts';

const seconds = integer(0, 999_999_999);
const days = integer(1, 999_999_999);

const names = v.pipe(
  v.array(v.string()),
  v.transform((list) => list.filter((name) => name !== '')),
  allowed('names with a comma between'),
);

const envSchema = v.object({
  region: setting(region, { variable: 'AWS_REGION' }),
  queueUrl: setting(text, { variable: ENV.queueUrl }),
  urgentQueueUrl: setting(text, { variable: ENV.urgentQueueUrl }),
  heldQueueUrl: setting(text, { variable: ENV.heldQueueUrl }),
  deadLetterQueueUrl: setting(text, { variable: ENV.deadLetterQueueUrl }),
  receiptsQueueUrl: setting(text, { variable: ENV.receiptsQueueUrl }),
  feedbackQueueUrl: setting(text, { variable: ENV.feedbackQueueUrl }),
  payloadBucket: setting(text, { variable: ENV.payloadBucket }),
  configurationSet: setting(text, { variable: ENV.configurationSet }),
  fromDomain: setting(text, { variable: ENV.fromDomain }),
  ledgerTable: setting(text, { variable: ENV.ledgerTable }),
  ledgerRetentionDays: setting(days, { variable: ENV.ledgerRetentionDays }),
  suppressionTable: setting(text, { variable: ENV.suppressionTable }),
  softBounceLimit: setting(integer(1, MAX_SOFT_BOUNCES), { variable: ENV.softBounceLimit }),
  softBounceWindowDays: setting(days, { variable: ENV.softBounceWindowDays }),
  exemptTenants: setting(v.optional(names, []), { variable: ENV.exemptTenants }),
  eventWaitLeastSeconds: setting(seconds, { variable: ENV.eventWaitLeastSeconds }),
  eventWaitDefaultSeconds: setting(seconds, { variable: ENV.eventWaitDefaultSeconds }),
  eventWaitMostSeconds: setting(seconds, { variable: ENV.eventWaitMostSeconds }),
  metricsNamespace: setting(text, { variable: ENV.metricsNamespace }),
  metricsStage: setting(text, { variable: ENV.metricsStage }),
} satisfies Record<keyof typeof ENV | 'region', v.GenericSchema<unknown, unknown>>);

type EnvValues = v.InferOutput<typeof envSchema>;

/** Environment of the function, set by the stack and by Lambda itself. */
export interface ResendEnv
  extends Omit<
    EnvValues,
    | 'softBounceLimit'
    | 'softBounceWindowDays'
    | 'eventWaitLeastSeconds'
    | 'eventWaitDefaultSeconds'
    | 'eventWaitMostSeconds'
  > {
  readonly softBouncePolicy: SoftBouncePolicy;
  readonly eventWait: SendEventTimeout;
}

/** @throws {@link SettingsError} that names every missing or invalid variable */
export function readResendEnv(env: Environment): ResendEnv {
  const {
    softBounceLimit,
    softBounceWindowDays,
    eventWaitLeastSeconds,
    eventWaitDefaultSeconds,
    eventWaitMostSeconds,
    ...values
  } = settingsOf(readEnvironment(envSchema, env));
  return {
    ...values,
    softBouncePolicy: { softBounces: softBounceLimit, windowDays: softBounceWindowDays },
    eventWait: {
      leastMs: 1000 * eventWaitLeastSeconds,
      defaultMs: 1000 * eventWaitDefaultSeconds,
      mostMs: 1000 * eventWaitMostSeconds,
    },
  };
}
