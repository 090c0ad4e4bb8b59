import { readFileSync, writeFileSync } from 'node:fs';
import { DAY_MS } from '../../lib/common/time.ts';
import { METRICS, type MetricDefinition } from '../../lib/domain/metrics.ts';
import { type SeriesDefinition, WORKER_SERIES } from '../../lib/domain/worker-series.ts';
import { readSettings, SETTING_MEANINGS } from '../../lib/infra/settings.ts';
import { MAILER_ENVIRONMENT, readMailerSettings, SettingsError } from '../../lib/mailer/settings.ts';
import { DATABASE_ENVIRONMENT } from '../../lib/worker/database-settings.ts';
import { readWorkerSettings, WORKER_ENVIRONMENT } from '../../lib/worker/settings.ts';

type Entry = (typeof MAILER_ENVIRONMENT | typeof DATABASE_ENVIRONMENT | typeof WORKER_ENVIRONMENT)[number];
type Environment = Readonly<Record<string, string>>;
type Read = (env: Environment) => object;

/** The tables that are derived from the code, by the name in the marker above them. */
const TABLES: Readonly<Record<string, () => string>> = {
  stacks: stacksTable,
  mailer: () => environmentTable(MAILER_ENVIRONMENT, readMailerSettings),
  database: () => environmentTable(DATABASE_ENVIRONMENT, readWorker),
  worker: () => environmentTable(WORKER_ENVIRONMENT, readWorker),
  metrics: metricsTable,
  series: seriesTable,
};

export const GENERATED_TABLES = Object.keys(TABLES);

/** The pages of docs with such tables. */
export const GENERATED_PAGES = ['settings.md', 'metrics.md'];

export function readPage(name: string): string {
  return readFileSync(pageUrl(name), 'utf8');
}

/** The page with each of its tables derived anew. */
export function regenerate(page: string): string {
  return page.replaceAll(
    /(<!-- generated: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => `${start}\n${TABLES[name]?.()}\n\n${end}`,
  );
}

const WHAT_IS_NEEDED: Environment = {
  SMTP_HOST: 'mail.example.org',
  FALLBACK_QUEUE_URL: 'https://sqs.example.org/1/fallback',
  PAYLOAD_BUCKET: 'payloads',
  DATABASE_URL: 'postgres://database.example.org/api',
};

/** No setting with rules accepts a control character, so that its problem says what is allowed. */
const WRONG = '\u0001 ';

function readWorker(env: Environment): object {
  const { workerId, ...settings } = readWorkerSettings(env, { workerId: '' });
  return workerId === '' ? settings : { ...settings, workerId };
}

/** Defaults and allowed values as the reader itself applies and reports them, whatever its schemas look like. */
function environmentTable(entries: readonly Entry[], read: Read): string {
  const defaults = read(WHAT_IS_NEEDED);
  const missing = problemsOf(read, {});
  const wrong = problemsOf(read, Object.fromEntries(entries.map(([, variable]) => [variable, WRONG])));
  const rows = entries.map(([setting, variable, kind, meaning]) => {
    const isNeeded = missing.has(variable);
    const fallback = variable in WHAT_IS_NEEDED ? undefined : valueAt(defaults, setting);
    const allowed = wrong.get(variable) ?? (kind === 'flag' ? 'true or false' : 'any text');
    return [
      `\`${setting}\``,
      `\`${variable}\``,
      isNeeded ? 'needed' : shown(fallback, setting),
      allowed,
      meaning,
    ];
  });
  return table(['setting', 'variable', 'default', 'allowed', 'what it does'], rows);
}

/** What is allowed, or missing, by variable. */
function problemsOf(read: Read, env: Environment): ReadonlyMap<string, string> {
  try {
    read(env);
    return new Map();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return new Map(
      error.problems.map((problem) => {
        const [, variable = '', allowed = ''] =
          /^[^(]+ \((\w+)\)(?: = .*?)?(?: is not set)?: (?:allowed is )?(.*)$/s.exec(problem) ?? [];
        return [variable, allowed];
      }),
    );
  }
}

function stacksTable(): string {
  const reading = readSettings({});
  if (reading.kind === 'invalid') throw new Error(reading.message);
  const names = Object.keys(SETTING_MEANINGS);
  const wrong = readSettings(Object.fromEntries(names.map((name) => [name, {}])));
  const problems = wrong.kind === 'invalid' ? wrong.message : '';
  const rows = Object.entries(SETTING_MEANINGS).map(([name, meaning]) => {
    const allowed = new RegExp(`^ {2}${name} = .*?, allowed: (.*)$`, 'm').exec(problems)?.[1] ?? '';
    return [`\`${name}\``, shown(valueAt(reading.settings, name), name), abridged(allowed), meaning];
  });
  return table(['setting', 'default', 'allowed', 'what it does'], rows);
}

function valueAt(settings: object, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    return typeof value === 'object' && value !== null
      ? Object.entries(value).find(([name]) => name === key)?.[1]
      : undefined;
  }, settings);
}

function shown(value: unknown, setting: string): string {
  const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
  if (text === '') return 'none';
  const days = Number(value) / DAY_MS;
  return setting.endsWith('Ms') && days >= 1 ? `${text} (${days} days)` : text;
}

/** A long list of values would make the row unreadable; whoever sets a wrong one sees them all. */
function abridged(allowed: string): string {
  const [head, ...values] = allowed.split(/(?<=^one of )|, /);
  return values.length < 15
    ? allowed
    : `${head}${values.slice(0, 6).join(', ')} … (a wrong value lists all ${values.length})`;
}

function metricsTable(): string {
  const rows = Object.entries<MetricDefinition>(METRICS).map(([name, { unit, source, by, meaning }]) => {
    const dimension = by === undefined ? '' : `\`${by.dimension}\`${by.total ? ', and without' : ''}`;
    return [`\`${name}\``, unit, source, dimension, meaning];
  });
  return table(['metric', 'unit', 'from', 'by', 'what it counts'], rows);
}

function seriesTable(): string {
  const rows = Object.entries<SeriesDefinition>(WORKER_SERIES).map(([name, { type, labels = [], help }]) => {
    return [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help];
  });
  return table(['series', 'type', 'labels', 'what it counts'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map(escaped).join(' | ')} |`)
    .join('\n');
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll(/<(?=\w)/g, '&lt;');
}

function pageUrl(name: string): URL {
  return new URL(`../../docs/${name}`, import.meta.url);
}

if (import.meta.main) {
  for (const name of GENERATED_PAGES) writeFileSync(pageUrl(name), regenerate(readPage(name)));
}
