import * as v from 'valibot';
import { nearestByWords, nearestName } from './nearest-name.ts';

/** Metadata of a setting. */
export interface SettingInfo {
  /** The environment variable that sets it, if there is one. */
  readonly variable?: string | undefined;
  /** What it does, in one line. */
  readonly description?: string | undefined;
  /** If true, no message shows its value. @default false */
  readonly secret?: boolean | undefined;
  /** The setting in the same group that requires this one. */
  readonly neededWith?: string | undefined;
  /** The setting in the same group that can replace this one. */
  readonly neededUnless?: string | undefined;
  /** If true, the variable is a convention of other programs, which have more that begin like it. @default false */
  readonly isConvention?: boolean | undefined;
}

/** Attaches the environment variable and the documentation to a schema. */
export function setting<Schema extends v.GenericSchema<unknown, unknown>>(schema: Schema, info: SettingInfo) {
  return v.pipe(
    schema,
    v.metadata<v.InferOutput<Schema>, { readonly setting: SettingInfo }>({ setting: info }),
  );
}

/** A schema of settings; a nested object is a group of settings. */
export type SettingsSchema = v.GenericSchema<unknown, unknown> & { readonly entries: v.ObjectEntries };

/** One setting as listed in the documentation. */
export interface SettingEntry extends SettingInfo {
  /** With its group: `smtp.port`. */
  readonly name: string;
  readonly allowed: string;
  readonly default: unknown;
  readonly isRequired: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export type SettingsReading<T> =
  | { readonly kind: 'read'; readonly settings: T }
  /** One line each, with the setting, its value and what is allowed. */
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

/** One or more settings are wrong; the message names each, its value and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code = 'ESETTINGS';
  /** One line each. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(describeProblems(problems));
    this.problems = problems;
  }
}

/** @param source where they are set, if the reader may not know */
export function describeProblems(problems: readonly string[], source?: string): string {
  const count = problems.length === 1 ? 'a setting is' : `${problems.length} settings are`;
  return `${count} wrong${source === undefined ? '' : `, ${source}`}:\n  ${problems.join('\n  ')}`;
}

export function describeProblem(name: string, value: unknown, allowed: string): string {
  return `${name} = ${show(value)}: allowed is ${allowed}`;
}

/** @throws {@link SettingsError} that lists every error at once */
export function settingsOf<T>(reading: SettingsReading<T>): T {
  if (reading.kind === 'wrong') throw new SettingsError(reading.problems);
  return reading.settings;
}

/** Reads settings from environment variables; an empty variable counts as not set. */
export function readEnvironment<Schema extends SettingsSchema>(
  schema: Schema,
  env: Environment,
): SettingsReading<v.InferOutput<Schema>> {
  return parseSettings(schema, valuesFrom(env, schema));
}

/**
 * The same, but a variable that begins like those of the settings and is none of them is wrong: `SMTP_PASS` would be
 * ignored, and the password with it.
 *
 * @param others variables that begin like ours and belong to another program of the project
 */
export function readOwnEnvironment<Schema extends SettingsSchema>(
  schema: Schema,
  env: Environment,
  others: readonly string[],
): SettingsReading<v.InferOutput<Schema>> {
  const reading = readEnvironment(schema, env);
  const unknown = unknownVariables(listSettings(schema), env, others);
  if (unknown.length === 0) return reading;
  return { kind: 'wrong', problems: [...unknown, ...(reading.kind === 'wrong' ? reading.problems : [])] };
}

/** Checks settings from code, a file or a command line. */
export function parseSettings<Schema extends SettingsSchema>(
  schema: Schema,
  values: unknown,
): SettingsReading<v.InferOutput<Schema>> {
  const result = v.safeParse(schema, values);
  const issues = (result.issues ?? []).map((issue) => v.getDotPath(issue) ?? '');
  const reasons = new Map(
    (result.issues ?? [])
      .filter(({ type }) => type === 'raw_check' || type === 'partial_check')
      .map((issue) => [v.getDotPath(issue) ?? '', issue.message]),
  );
  const entries = listSettings(schema);
  const problems = [
    ...unknownSettings(schema, values),
    ...entries.flatMap((entry) => problemOf(entry, { entries, values, issues, reasons })),
  ];
  if (result.success && problems.length === 0) return { kind: 'read', settings: result.output };
  return { kind: 'wrong', problems: problems.length > 0 ? problems : issues.map(notAGroup) };
}

/** All settings of a schema, group by group. */
export function listSettings({ entries }: Group, prefix = ''): readonly SettingEntry[] {
  return Object.entries(entries).flatMap(([key, schema]) => {
    const group = groupIn(schema);
    return group === undefined
      ? [listed(`${prefix}${key}`, schema)]
      : listSettings(group, `${prefix}${key}.`);
  });
}

type Group = Pick<SettingsSchema, 'entries'>;
type Entry = v.ObjectEntries[string];

function listed(name: string, schema: Entry): SettingEntry {
  const { allowed = '', setting: info } = metadataOf(schema);
  return {
    name,
    allowed,
    default: 'default' in schema ? schema.default : undefined,
    isRequired: wrappedIn(schema) === undefined,
    ...info,
  };
}

/** The type of the metadata is lost in a union of schemas. */
const metadataSchema = v.object({
  allowed: v.optional(v.string()),
  setting: v.optional(
    v.object({
      variable: v.optional(v.string()),
      description: v.optional(v.string()),
      secret: v.optional(v.boolean()),
      neededWith: v.optional(v.string()),
      neededUnless: v.optional(v.string()),
      isConvention: v.optional(v.boolean()),
    }),
  ),
});

/** An optional schema has its own metadata and that of the wrapped schema. */
function metadataOf(schema: Entry): v.InferOutput<typeof metadataSchema> {
  const wrapped = wrappedIn(schema);
  return {
    ...(wrapped === undefined ? {} : metadataOf(wrapped)),
    ...v.parse(metadataSchema, v.getMetadata(schema)),
  };
}

function wrappedIn(schema: Entry): Entry | undefined {
  return 'wrapped' in schema ? schema.wrapped : undefined;
}

function groupIn(schema: Entry): Group | undefined {
  const inner = wrappedIn(schema) ?? schema;
  return isGroup(inner) ? inner : undefined;
}

function isGroup(schema: Entry): schema is Entry & Group {
  return 'entries' in schema;
}

function valuesFrom(env: Environment, { entries }: Group): Record<string, unknown> {
  const values = Object.entries(entries).flatMap(([key, schema]): [string, unknown][] => {
    const group = groupIn(schema);
    if (group !== undefined) return [[key, valuesFrom(env, group)]];
    const { variable } = metadataOf(schema).setting ?? {};
    const raw = variable === undefined ? undefined : env[variable];
    return raw === undefined || raw === '' ? [] : [[key, readValue(raw, typeIn(schema))]];
  });
  return Object.fromEntries(values);
}

function typeIn(schema: Entry): string {
  const wrapped = wrappedIn(schema);
  return wrapped === undefined ? schema.type : typeIn(wrapped);
}

/** An unreadable value stays text, so that the message shows it unchanged. */
function readValue(raw: string, type: string): unknown {
  if (type === 'number' && /^\d+$/.test(raw)) return Number(raw);
  if (type === 'boolean' && /^(true|1|yes)$/i.test(raw)) return true;
  if (type === 'boolean' && /^(false|0|no)$/i.test(raw)) return false;
  if (type === 'array') return raw.split(',');
  return raw;
}

/** Otherwise a misspelt setting, e.g. `requireTLS`, would be ignored. Its value may be a secret. */
function unknownSettings({ entries }: Group, values: unknown, prefix = ''): string[] {
  const known = Object.keys(entries);
  const all = known.map((key) => `${prefix}${key}`).join(', ');
  const unknown = [...fieldsOf(values).keys()].filter((key) => !known.includes(key));
  return [
    ...unknown.map((key) => `${prefix}${key} is no setting: allowed are ${all}`),
    ...Object.entries(entries).flatMap(([key, schema]) => {
      const group = groupIn(schema);
      return group === undefined ? [] : unknownSettings(group, fieldsOf(values).get(key), `${prefix}${key}.`);
    }),
  ];
}

/** Lists variables that begin like ours, with a comma between, and that another program reads. */
export const IGNORED_VARIABLES = 'MAIL_IGNORED_VARIABLES';

/** Their values are not shown: one may be a misspelt password. */
function unknownVariables(
  entries: readonly SettingEntry[],
  env: Environment,
  others: readonly string[],
): string[] {
  const own = entries.flatMap(({ variable, isConvention }) =>
    variable === undefined || isConvention === true ? [] : [variable],
  );
  const prefixes = new Set(own.map(prefixOf));
  const ignored = (env[IGNORED_VARIABLES] ?? '').split(',').map((name) => name.trim());
  const known = new Set([...own, ...others, ...ignored, IGNORED_VARIABLES]);
  return Object.entries(env)
    .filter(([name, value]) => value && prefixes.has(prefixOf(name)) && !known.has(name))
    .filter(([name, value = '']) => !isServiceLink(name, value))
    .map(([name]) => unknownVariable(name, own))
    .sort();
}

function unknownVariable(name: string, own: readonly string[]): string {
  const prefix = prefixOf(name);
  const bare = own
    .filter((other) => prefixOf(other) === prefix)
    .map((variable) => variable.slice(prefix.length));
  const meant =
    nearestName(name.slice(prefix.length), bare) ?? nearestByWords(name.slice(prefix.length), bare);
  const hint =
    meant === undefined
      ? `there are ${bare.map((rest) => `${prefix}${rest}`).join(', ')}`
      : `${prefix}${meant} was probably meant`;
  return `${name} is no setting: ${hint}; if another program reads it, name it in ${IGNORED_VARIABLES}`;
}

/** The first word; what begins with AWS_ alone belongs to the AWS SDK. */
function prefixOf(variable: string): string {
  return /^(?:AWS_)?[A-Z]+_/.exec(variable)?.[0] ?? variable;
}

/**
 * What Kubernetes sets in each pod for each service of the namespace: a service `smtp-relay` makes
 * `SMTP_RELAY_SERVICE_HOST` and `SMTP_RELAY_PORT=tcp://…`.
 *
 * @see https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
 */
function isServiceLink(name: string, value: string): boolean {
  return (
    /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value))
  );
}

interface Checked {
  readonly entries: readonly SettingEntry[];
  readonly values: unknown;
  /** The paths that the schema refused. */
  readonly issues: readonly string[];
  /** What the schema's `rawCheck` or `partialCheck` says of a refused value, by path, in place of what is allowed. */
  readonly reasons: ReadonlyMap<string, string>;
}

/** At most one line per setting, even if it breaks several rules. */
function problemOf(entry: SettingEntry, { entries, values, issues, reasons }: Checked): string[] {
  const value = valueAt(values, entry.name);
  if (value === undefined) {
    const need = needOf(entry, entries, values, issues);
    return need === undefined ? [] : [`${labelOf(entry)} is not set: ${need}`];
  }
  const isWrong = issues.some((path) => path === entry.name || path.startsWith(`${entry.name}.`));
  if (!isWrong) return [];
  const reason = reasons.get(entry.name) ?? `allowed is ${entry.allowed}`;
  return [`${labelOf(entry)} = ${entry.secret ? hide(value) : show(value)}: ${reason}`];
}

function needOf(
  entry: SettingEntry,
  entries: Checked['entries'],
  values: unknown,
  issues: Checked['issues'],
): string | undefined {
  const sibling = (key: string | undefined) =>
    entries.find(({ name }) => key !== undefined && name === `${groupName(entry.name)}${key}`);
  const isSet = (other: SettingEntry) => valueAt(values, other.name) !== undefined;
  const partner = sibling(entry.neededWith);
  if (partner !== undefined && isSet(partner)) return `it is needed with ${labelOf(partner)}`;
  const substitute = sibling(entry.neededUnless);
  if (substitute !== undefined && !isSet(substitute))
    return `it is needed, or ${labelOf(substitute)} in its place; allowed is ${entry.allowed}`;
  // A group that is missing or not an object is reported by its required settings.
  const isMissing = issues.some(
    (path) => path === '' || path === entry.name || entry.name.startsWith(`${path}.`),
  );
  return entry.isRequired && isMissing ? `it is needed, allowed is ${entry.allowed}` : undefined;
}

function groupName(name: string): string {
  return name.slice(0, name.lastIndexOf('.') + 1);
}

function labelOf({ name, variable }: SettingEntry): string {
  return variable === undefined ? name : `${name} (${variable})`;
}

function notAGroup(path: string): string {
  return `${path === '' ? 'the settings' : path}: allowed is an object`;
}

function valueAt(values: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => fieldsOf(value).get(key), values);
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}

function show(value: unknown): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** The scheme of a URL is not secret, and is the most common error. */
function hide(value: unknown): string {
  const scheme = typeof value === 'string' ? /^[a-z][a-z0-9+.-]{0,20}:\/\//i.exec(value)?.[0] : undefined;
  return scheme === undefined ? '***' : `"${scheme}***"`;
}
