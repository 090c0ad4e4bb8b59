import * as v from 'valibot';
import { WATCH_ENV } from './constants.ts';

const text = (pattern: RegExp, allowed: string) => v.pipe(v.string(allowed), v.regex(pattern, allowed));

const watchEnvSchema = v.object({
  metricsNamespace: text(/^[A-Za-z0-9._/#-]{1,255}$/, 'a namespace of CloudWatch'),
  metricsStage: text(/^[a-z0-9-]{1,64}$/, 'the name of a stage'),
  userName: text(/^[A-Za-z0-9_+=,.@-]{1,64}$/, 'the name of an IAM user'),
  suppressionTable: text(/^[A-Za-z0-9_.-]{3,255}$/, 'the name of a table'),
} satisfies Record<keyof typeof WATCH_ENV, v.GenericSchema>);

/** What the stack tells the function about its surroundings. */
type WatchEnv = v.InferOutput<typeof watchEnvSchema>;

/** @throws an Error that names every variable that is missing or wrong, and what is allowed there */
export function readWatchEnv(env: Readonly<Record<string, string | undefined>>): WatchEnv {
  const names = Object.entries(WATCH_ENV);
  const parsed = v.safeParse(
    watchEnvSchema,
    Object.fromEntries(names.map(([field, variable]) => [field, env[variable] ?? ''])),
  );
  if (parsed.success) return parsed.output;
  const wrong = parsed.issues.map(({ path, message }) => {
    const variable = names.find(([field]) => field === path?.[0].key)?.[1] ?? '';
    const value = env[variable];
    return `${variable} is ${value === undefined ? 'not set' : JSON.stringify(value)}, allowed is ${message}`;
  });
  throw new Error(`wrong in the environment of the function: ${wrong.join('; ')}`);
}
