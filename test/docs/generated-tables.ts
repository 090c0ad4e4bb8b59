import { readFileSync, writeFileSync } from 'node:fs';
import type { SettingEntry } from '../../lib/common/config.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import { METRICS, type MetricDefinition } from '../../lib/domain/metrics.ts';
import { RELAY_SERIES } from '../../lib/domain/relay-series.ts';
import { type SeriesDefinition, WORKER_SERIES } from '../../lib/domain/worker-series.ts';
import { alarmDefinitions } from '../../lib/infra/monitoring/alarms.ts';
import { PIPELINE_SETTINGS, readSettings } from '../../lib/infra/settings.ts';
import { MAILER_SETTINGS } from '../../lib/mailer/settings.ts';
import { RELAY_SETTINGS } from '../../lib/relay/settings.ts';
import { WORKER_PROCESS_SETTINGS, WORKER_SETTINGS } from '../../lib/worker/settings.ts';

const DATABASE_SETTINGS = WORKER_PROCESS_SETTINGS.filter(({ name }) => name.startsWith('database.'));

/** The tables generated from the code, by the name in the marker above them. */
const TABLES: Readonly<Record<string, () => string>> = {
  stacks: stacksTable,
  mailer: () => environmentTable(MAILER_SETTINGS),
  database: () => environmentTable(DATABASE_SETTINGS),
  worker: () => environmentTable(WORKER_SETTINGS),
  alarms: alarmsTable,
  metrics: metricsTable,
  series: () => seriesTable(WORKER_SERIES),
  relay: () => environmentTable(RELAY_SETTINGS),
  relayseries: () => seriesTable(RELAY_SERIES),
};

/** Every alarm that any setting adds. */
export const ALL_ALARMS = alarmsWith({ alarms: 'all', accountMonitoring: 'dev', workerMetrics: true });

export const GENERATED_TABLES = Object.keys(TABLES);

/** The pages in docs that have such tables. */
export const GENERATED_PAGES = ['settings.md', 'monitoring.md', 'metrics.md'];

export function readPage(name: string): string {
  return readFileSync(pageUrl(name), 'utf8');
}

/** The page with all its tables regenerated. */
export function regenerate(page: string): string {
  return page.replaceAll(
    /(<!-- generated: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => `${start}\n${TABLES[name]?.()}\n\n${end}`,
  );
}

function environmentTable(entries: readonly SettingEntry[]): string {
  const rows = entries.map((entry) => {
    const { name, variable = '', allowed, description = '' } = entry;
    return [`\`${name}\``, `\`${variable}\``, defaultOf(entry), allowed, description];
  });
  return table(['setting', 'variable', 'default', 'allowed', 'what it does'], rows);
}

function stacksTable(): string {
  const rows = PIPELINE_SETTINGS.map((entry) => {
    return [`\`${entry.name}\``, defaultOf(entry), abridged(entry.allowed), entry.description ?? ''];
  });
  return table(['setting', 'default', 'allowed', 'what it does'], rows);
}

function defaultOf({ name, isRequired, neededUnless, default: value }: SettingEntry): string {
  if (isRequired || neededUnless !== undefined) return 'needed';
  const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
  if (text === '') return 'none';
  const days = Number(value) / DAY_MS;
  return name.endsWith('Ms') && days >= 1 ? `${text} (${days} days)` : text;
}

/** A long list of values would make the row unreadable; the error for a wrong value lists all of them. */
function abridged(allowed: string): string {
  const [head, ...values] = allowed.split(/(?<=^one of )|, /);
  return values.length < 15
    ? allowed
    : `${head}${values.slice(0, 6).join(', ')} … (a wrong value lists all ${values.length})`;
}

/** With the first setting that adds each alarm. */
function alarmsTable(): string {
  const essential = alarmsWith({}).map(({ name }) => name);
  const all = alarmsWith({ alarms: 'all', accountMonitoring: 'dev' }).map(({ name }) => name);
  const rows = ALL_ALARMS.map(({ name, severity, meaning, when }) => {
    const setting = essential.includes(name) ? '' : all.includes(name) ? '`alarms: all`' : '`workerMetrics`';
    return [`[\`${name}\`](runbook.md#${name})`, severity, setting, meaning, when];
  });
  return table(['alarm', 'severity', 'added by', 'what it means', 'in alarm when'], rows);
}

function alarmsWith(context: Readonly<Record<string, unknown>>) {
  const reading = readSettings(context);
  if (reading.kind === 'invalid') throw new Error(reading.message);
  return alarmDefinitions(reading.settings);
}

function metricsTable(): string {
  const rows = Object.entries<MetricDefinition>(METRICS).map(([name, { unit, source, by, meaning }]) => {
    const dimension = by === undefined ? '' : `\`${by.dimension}\`${by.total ? ', and without' : ''}`;
    return [`\`${name}\``, unit, source, dimension, meaning];
  });
  return table(['metric', 'unit', 'from', 'by', 'what it counts'], rows);
}

function seriesTable(series: Readonly<Record<string, SeriesDefinition>>): string {
  const rows = Object.entries(series).map(([name, { type, labels = [], help }]) => {
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
