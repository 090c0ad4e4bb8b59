import * as v from 'valibot';
import { type Environment, readEnvironment, setting, settingsOf } from '../../lib/common/config.ts';
import { matching, tableName } from '../../lib/common/schemas.ts';
import { ACCOUNT_METRICS_ENV as ENV } from './constants.ts';

const namespace = matching(/^[A-Za-z0-9._/#-]{1,255}$/, 'a namespace of CloudWatch');
const stage = matching(/^[a-z0-9-]{1,64}$/, 'the name of a stage');
const userName = matching(/^[A-Za-z0-9_+=,.@-]{1,64}$/, 'the name of an IAM user');

const accountMetricsEnvSchema = v.object({
  metricsNamespace: setting(namespace, { variable: ENV.metricsNamespace }),
  metricsStage: setting(stage, { variable: ENV.metricsStage }),
  userName: setting(userName, { variable: ENV.userName }),
  suppressionTable: setting(tableName, { variable: ENV.suppressionTable }),
} satisfies Record<keyof typeof ENV, v.GenericSchema>);

/** Environment of the function, set by the stack. */
type AccountMetricsEnv = v.InferOutput<typeof accountMetricsEnvSchema>;

/** @throws {@link SettingsError} that names every missing or invalid variable */
export function readAccountMetricsEnv(env: Environment): AccountMetricsEnv {
  return settingsOf(readEnvironment(accountMetricsEnvSchema, env));
}
