import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { monitoringNames } from '../../lib/common/names.ts';
import type { Settings } from '../../lib/infra/settings.ts';
import { SCENARIO_NAMES } from '../scenarios/all-scenarios.ts';
import type { ScenarioRecording } from '../scenarios/scenario-recording.ts';
import type { DrawnRun } from './draw-run.ts';
import { readRecording } from './read-recording.ts';

const HELP = `Draws the dashboards that would be deployed, from a run of the pipeline on this machine.

  npm run dashboards                              plays an outage of mail-core and draws it: some minutes
  npm run dashboards -- --scenario NAME           plays another one: ${SCENARIO_NAMES.join(', ')}
  npm run dashboards -- --from FILE               draws what was recorded, such as test/recordings/outage.json
  npm run dashboards -- --record FILE             keeps what the run recorded, to draw it again
  npm run dashboards -- --until 2026-01-14T12:00  as they looked at that moment of the run (UTC)
  npm run dashboards -- -c NAME=VALUE             with another setting than that of cdk.json; may be given again
  npm run dashboards -- --defaults                with the default settings in place of those of cdk.json
  npm run dashboards -- --out DIR                 writes mail.svg, reputation.svg and machine-room.svg there
                                                  (default: docs/dashboards)
  npm run dashboards -- --json                    tells the files and the alarms as JSON on standard output
  npm run dashboards -- --help                    this text

Those in docs/dashboards are drawn by npm run dashboards -- --defaults with
  -c workerMetrics=true -c accountMonitoring=dev --from test/recordings/outage.json \\
    --until 2026-01-14T13:00                                                           mail, machine-room
  -c accountMonitoring=dev --from test/recordings/bounce-storm.json                    reputation
The definitions are those of cdk.json. Ends with 0 if all is drawn, 1 if not, 2 for wrong arguments.
`;

const OPTIONS = {
  scenario: { type: 'string' },
  from: { type: 'string' },
  record: { type: 'string' },
  until: { type: 'string' },
  out: { type: 'string' },
  context: { type: 'string', short: 'c', multiple: true },
  defaults: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const ROOT = new URL('../../', import.meta.url);

/** Progress goes to standard error, so that standard output has only the result. */
const say = (text: string) => process.stderr.write(`${text}\n`);

interface Arguments {
  readonly scenario: (typeof SCENARIO_NAMES)[number];
  readonly from: string | undefined;
  readonly record: string | undefined;
  readonly untilMs: number | undefined;
  readonly out: string;
  /** In the syntax of `cdk -c`. */
  readonly context: Readonly<Record<string, string>>;
  /** Ignore the settings in cdk.json, not its feature flags. */
  readonly defaults: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

function readArguments(): Arguments | undefined {
  try {
    const {
      scenario = 'outage',
      from,
      record,
      until,
      out = 'docs/dashboards',
      context = [],
      ...flags
    } = parseArgs({
      options: OPTIONS,
      allowPositionals: false,
    }).values;
    const known = SCENARIO_NAMES.find((name) => name === scenario);
    if (known === undefined)
      throw new Error(`--scenario ${scenario}: there are ${SCENARIO_NAMES.join(', ')}`);
    if (from !== undefined && record !== undefined)
      throw new Error('--from and --record: nothing new is run');
    return {
      scenario: known,
      from,
      record,
      untilMs: momentOf(until),
      out,
      context: contextOf(context),
      ...flags,
    };
  } catch (error) {
    say(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    return undefined;
  }
}

/** A moment without a zone is in UTC, like the pictures. */
function momentOf(until: string | undefined): number | undefined {
  if (until === undefined) return undefined;
  const atMs = Date.parse(/Z|[+-]\d\d:\d\d$/.test(until) ? until : `${until}Z`);
  if (Number.isNaN(atMs)) throw new Error(`--until ${until}: not a moment such as 2026-01-14T12:00`);
  return atMs;
}

function contextOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((pair) => {
      const [, name, value] = /^([\w.]+)=(.*)$/.exec(pair) ?? [];
      if (name === undefined || value === undefined) throw new Error(`-c ${pair}: not NAME=VALUE`);
      return [name, value];
    }),
  );
}

async function recordingFor({ from, scenario, record }: Arguments): Promise<ScenarioRecording> {
  if (from !== undefined) {
    const read = readRecording(await readFile(from, 'utf8'));
    if (read.kind === 'unreadable') throw new Error(`${from} is no recording: ${read.reason}`);
    return read.recording;
  }
  say(`playing ${scenario} on 127.0.0.1`);
  const { runScenario } = await import('../scenarios/run-scenario.ts');
  const recording = await runScenario(scenario, { onProgress: say, signal: interrupted() });
  if (record !== undefined) await writeFile(record, `${JSON.stringify(recording)}\n`);
  return recording;
}

function interrupted(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => ending.abort(new Error(`ended by ${signal}`)));
  }
  return ending.signal;
}

async function readDefinition({
  context: given,
  defaults,
}: Arguments): Promise<{ settings: Settings; context: Record<string, unknown> }> {
  const { context: file } = JSON.parse(await readFile(new URL('cdk.json', ROOT), 'utf8'));
  const context = { ...file, ...(defaults ? { mail: {} } : {}), ...given };
  const { readSettings } = await import('../../lib/infra/settings.ts');
  const read = readSettings(context);
  if (read.kind === 'invalid') throw new Error(read.message);
  return { settings: read.settings, context };
}

async function write({ drawings }: DrawnRun, settings: Settings, out: string): Promise<readonly string[]> {
  const names = monitoringNames(settings);
  const files: Readonly<Record<string, string>> = {
    [names.mailDashboard]: 'mail.svg',
    [names.reputationDashboard]: 'reputation.svg',
    [names.machineRoomDashboard]: 'machine-room.svg',
  };
  await mkdir(out, { recursive: true });
  const written = drawings.map(async ({ name, svg }) => {
    const file = join(out, files[name] ?? `${name}.svg`);
    await writeFile(file, `${svg}\n`);
    return file;
  });
  return Promise.all(written);
}

function summaryOf(files: readonly string[], { alarms }: DrawnRun): string {
  const rang = alarms.map(({ name, transitions }) => {
    const times = transitions.filter(({ state }) => state === 'ALARM').length;
    return `  ${name}: ${transitions.at(-1)?.state ?? 'INSUFFICIENT_DATA'}, rang ${times} times`;
  });
  return [...files, ...rang].join('\n');
}

async function draw(wanted: Arguments): Promise<void> {
  const recording = await recordingFor(wanted);
  // What loads the CDK and the emulators takes seconds: wrong arguments and files are named before.
  const { settings, context } = await readDefinition(wanted);
  const [{ drawRun }, { monitoringTemplate }] = await Promise.all([
    import('./draw-run.ts'),
    import('./monitoring-template.ts'),
  ]);
  const drawn = drawRun(await monitoringTemplate(settings, context), recording, wanted.untilMs);
  const files = await write(drawn, settings, wanted.out);
  const { scenario } = recording;
  const result = wanted.json
    ? JSON.stringify({ scenario, files, alarms: drawn.alarms }, null, 2)
    : summaryOf(files, drawn);
  process.stdout.write(`${result}\n`);
}

async function run(): Promise<number> {
  const wanted = readArguments();
  if (wanted === undefined) return 2;
  if (wanted.help) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    await draw(wanted);
    return 0;
  } catch (error) {
    say(`nothing is drawn: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

process.exitCode = await run();
