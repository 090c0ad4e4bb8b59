import * as v from 'valibot';
import { readFunctionEnvironment, variable } from '../../lib/common/config.ts';
import { ACCOUNT_METRICS_ENV } from './constants.ts';

const accountMetricsEnvSchema = v.object({
  metricsNamespace: variable(/^[A-Za-z0-9._/#-]{1,255}$/, 'a namespace of CloudWatch'),
  metricsStage: variable(/^[a-z0-9-]{1,64}$/, 'the name of a stage'),
  userName: variable(/^[A-Za-z0-9_+=,.@-]{1,64}$/, 'the name of an IAM user'),
  suppressionTable: variable(/^[A-Za-z0-9_.-]{3,255}$/, 'the name of a table'),
} satisfies Record<keyof typeof ACCOUNT_METRICS_ENV, v.GenericSchema>);

/** What the stack tells the function about its surroundings. */
type AccountMetricsEnv = v.InferOutput<typeof accountMetricsEnvSchema>;

/** @throws an Error that names every variable that is missing or wrong, and what is allowed there */
export function readAccountMetricsEnv(env: Readonly<Record<string, string | undefined>>): AccountMetricsEnv {
  return readFunctionEnvironment(accountMetricsEnvSchema, ACCOUNT_METRICS_ENV, env);
}
