import * as v from 'valibot';

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
