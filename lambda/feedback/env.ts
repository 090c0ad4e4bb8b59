import * as v from 'valibot';
import { type Environment, readEnvironment, setting, settingsOf } from '../../lib/common/config.ts';
import { integer, matching, region, tableName } from '../../lib/common/schemas.ts';
import { MAX_SOFT_BOUNCES } from '../../lib/domain/limits.ts';
import { FEEDBACK_ENV as ENV } from './constants.ts';

const queueUrl = matching(/^https?:\/\/[^\s/]+\/\S+$/, 'the URL of an SQS queue');
const days = integer(1, 3650);
const domain = matching(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'a domain name in lower case');
const namespace = matching(/^[\w.\-/#:]{1,255}$/, 'a namespace of CloudWatch');
const stage = matching(/^[\w-]{1,64}$/, 'the name of a stage');

const feedbackEnvSchema = v.object({
  queueUrl: setting(queueUrl, { variable: ENV.queueUrl }),
  deadLetterQueueUrl: setting(queueUrl, { variable: ENV.deadLetterQueueUrl }),
  receiptsQueueUrl: setting(queueUrl, { variable: ENV.receiptsQueueUrl }),
  ledgerTable: setting(tableName, { variable: ENV.ledgerTable }),
  ledgerRetentionDays: setting(days, { variable: ENV.ledgerRetentionDays }),
  suppressionTable: setting(tableName, { variable: ENV.suppressionTable }),
  softBounceLimit: setting(integer(1, MAX_SOFT_BOUNCES), { variable: ENV.softBounceLimit }),
  softBounceWindowDays: setting(days, { variable: ENV.softBounceWindowDays }),
  fromDomain: setting(domain, { variable: ENV.fromDomain }),
  reputationFuse: setting(v.picklist(['on', 'off']), { variable: ENV.reputationFuse }),
  metricsNamespace: setting(namespace, { variable: ENV.metricsNamespace }),
  metricsStage: setting(stage, { variable: ENV.metricsStage }),
  region: setting(region, { variable: 'AWS_REGION' }),
} satisfies Record<keyof typeof ENV | 'region', v.GenericSchema>);

/** Environment of the function, set by the stack and by Lambda itself. */
export type FeedbackEnv = v.InferOutput<typeof feedbackEnvSchema>;

/** @throws {@link SettingsError} that names every missing or invalid variable */
export function readFeedbackEnv(env: Environment): FeedbackEnv {
  return settingsOf(readEnvironment(feedbackEnvSchema, env));
}
