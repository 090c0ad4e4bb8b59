import * as v from 'valibot';

/** The setting that a variable sets, by its path; how the variable's text is read; what docs/settings.md says of it. */
export type EnvironmentEntry = readonly [
  setting: string,
  variable: string,
  kind: 'text' | 'number' | 'list' | 'secret',
  meaning: string,
];

export type Environment = Readonly<Record<string, string | undefined>>;

export type EnvironmentReading<T> =
  | { readonly kind: 'read'; readonly settings: T }
  /** One line each, with the setting, its value and what is allowed. */
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

/**
 * Reads settings from environment variables; an empty variable counts as not set.
 *
 * @param schema of an object whose keys are the last parts of the settings' paths
 */
export function readEnvironment<T extends v.GenericSchema>(
  env: Environment,
  table: readonly EnvironmentEntry[],
  schema: T,
): EnvironmentReading<v.InferOutput<T>> {
  const given = table.flatMap(([setting, variable, kind]) => {
    const raw = env[variable];
    return raw === undefined || raw === '' ? [] : [[keyOf(setting), readValue(raw, kind)] as const];
  });
  const result = v.safeParse(schema, Object.fromEntries(given));
  if (result.success) return { kind: 'read', settings: result.output };
  return { kind: 'wrong', problems: describeProblems(result.issues, env, table) };
}

function keyOf(setting: string): string {
  return setting.slice(setting.lastIndexOf('.') + 1);
}

/** What is no number stays text, and the schema then says what is allowed. */
function readValue(raw: string, kind: EnvironmentEntry[2]): unknown {
  if (kind === 'number' && /^\d+$/.test(raw)) return Number(raw);
  if (kind === 'list') return raw.split(',').map((item) => item.trim());
  return raw;
}

/** One line for each setting, whatever number of its rules it breaks. */
function describeProblems(
  issues: readonly v.BaseIssue<unknown>[],
  env: Environment,
  table: readonly EnvironmentEntry[],
): string[] {
  const lines = new Map<unknown, string>();
  for (const issue of issues) {
    const key = issue.path?.[0]?.key;
    const entry = table.find(([setting]) => keyOf(setting) === key);
    if (entry !== undefined && !lines.has(key)) lines.set(key, describeProblem(issue, env, entry));
  }
  return [...lines.values()];
}

function describeProblem(
  { message }: v.BaseIssue<unknown>,
  env: Environment,
  [setting, variable, kind]: EnvironmentEntry,
): string {
  const raw = env[variable];
  if (raw === undefined || raw === '') return `${setting} (${variable}) is not set: ${message}`;
  const value = kind === 'secret' ? hidden(raw) : JSON.stringify(raw);
  return `${setting} (${variable}) = ${value}: allowed is ${message}`;
}

/** The scheme of a URL is no secret, and most often what is wrong with it. */
function hidden(raw: string): string {
  const scheme = /^[a-z][a-z0-9+.-]{0,20}:\/\//i.exec(raw)?.[0];
  return scheme === undefined ? '***' : `"${scheme}***"`;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** A text in an environment variable. */
export function variable(pattern: RegExp, allowed: string) {
  return v.pipe(v.string(allowed), v.regex(pattern, allowed));
}

/**
 * Reads what the stack tells a Lambda of its surroundings.
 *
 * @param schema of the fields, each of a text
 * @param names the variable of each field
 * @throws an Error that names every variable that is missing or wrong, and what is allowed there
 */
export function readFunctionEnvironment<Schema extends v.GenericSchema<Record<string, string>, object>>(
  schema: Schema,
  names: Readonly<Record<keyof v.InferOutput<Schema>, string>>,
  env: Variables,
): v.InferOutput<Schema> {
  const fields = Object.entries<string>(names);
  const given = Object.fromEntries(fields.map(([field, name]) => [field, env[name] ?? '']));
  const parsed = v.safeParse(schema, given, { abortPipeEarly: true });
  if (parsed.success) return parsed.output;
  const wrong = parsed.issues.map((issue) => {
    const name = fields.find(([field]) => field === v.getDotPath(issue))?.[1] ?? '';
    const value = env[name];
    return `${name} is ${value === undefined ? 'not set' : JSON.stringify(value)}, allowed is ${issue.message}`;
  });
  throw new Error(`wrong in the environment of the function: ${wrong.join('; ')}`);
}

/** Each rule has the whole range in its message, so that whichever is broken tells all that is allowed. */
export function wholeNumber(least: number, most: number) {
  const allowed = `a whole number from ${least} to ${most}`;
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(least, allowed), v.maxValue(most, allowed));
}
