import * as v from 'valibot';
import { readFunctionEnvironment, variable } from '../../lib/ports/function-environment.ts';
import { WATCH_ENV } from './constants.ts';

const watchEnvSchema = v.object({
  metricsNamespace: variable(/^[A-Za-z0-9._/#-]{1,255}$/, 'a namespace of CloudWatch'),
  metricsStage: variable(/^[a-z0-9-]{1,64}$/, 'the name of a stage'),
  userName: variable(/^[A-Za-z0-9_+=,.@-]{1,64}$/, 'the name of an IAM user'),
  suppressionTable: variable(/^[A-Za-z0-9_.-]{3,255}$/, 'the name of a table'),
} satisfies Record<keyof typeof WATCH_ENV, v.GenericSchema>);

/** What the stack tells the function about its surroundings. */
type WatchEnv = v.InferOutput<typeof watchEnvSchema>;

/** @throws an Error that names every variable that is missing or wrong, and what is allowed there */
export function readWatchEnv(env: Readonly<Record<string, string | undefined>>): WatchEnv {
  return readFunctionEnvironment(watchEnvSchema, WATCH_ENV, env);
}
