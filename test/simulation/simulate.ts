/**
 * The policy code under a virtual clock: what no test machine can show. Prints a table, and writes JSON and pictures.
 *
 *   npm run simulate -- [--scenario NAME] [--json FILE] [--pictures DIR] [--page FILE] [--results FILE] [--help]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawScenario } from './pictures.ts';
import { assumptions, costOf, markdownTable, plainTable, type ScenarioRun } from './report.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { type Sample, type SimulationResult, simulate } from './simulation.ts';

const HELP = `npm run simulate -- [options]

  --scenario NAME  only this one; may be given several times
  --json FILE      writes all figures and samples
  --pictures DIR   writes a picture of each scenario
  --page FILE      writes table and assumptions into the page, below their markers
  --results FILE   takes the results of an earlier run from its JSON, and simulates nothing

${SCENARIOS.map(({ name, title }) => `  ${name.padEnd(22)} ${title}`).join('\n')}
`;

const { values: options } = parseArgs({
  options: {
    scenario: { type: 'string', multiple: true },
    json: { type: 'string' },
    pictures: { type: 'string' },
    page: { type: 'string' },
    results: { type: 'string' },
    help: { type: 'boolean' },
  },
});

/** The JSON of an earlier run, or of this one. */
interface Recorded {
  readonly name: string;
  readonly result: SimulationResult;
}

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const runs: ScenarioRun[] = [];
  for (const scenario of chosenScenarios()) {
    const result = earlierResult(scenario.name) ?? (await play(scenario));
    runs.push({ scenario, result });
  }
  process.stdout.write(`${plainTable(runs)}\n`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(runs.map(recorded))}\n`);
  if (options.pictures !== undefined) draw(runs, options.pictures);
  if (options.page !== undefined) updatePage(options.page, runs);
}

function chosenScenarios(): readonly Scenario[] {
  const names = options.scenario;
  if (names === undefined) return SCENARIOS;
  const unknown = names.find((name) => SCENARIOS.every((scenario) => scenario.name !== name));
  if (unknown !== undefined) {
    const known = SCENARIOS.map(({ name }) => name).join(', ');
    throw new Error(`--scenario: there is no ${unknown}; there are ${known}`);
  }
  return SCENARIOS.filter(({ name }) => names.includes(name));
}

function earlierResult(name: string): SimulationResult | undefined {
  if (options.results === undefined) return undefined;
  const recordings: readonly Recorded[] = JSON.parse(readFileSync(options.results, 'utf8'));
  return recordings.find((recording) => recording.name === name)?.result;
}

async function play(scenario: Scenario): Promise<SimulationResult> {
  const startMs = performance.now();
  const seconds = () => Math.round((performance.now() - startMs) / 1000);
  const onSample = ({ atMs, waiting }: Sample) => {
    const hours = (atMs / 3_600_000).toFixed(1);
    const sum = waiting.normal + waiting.urgent + waiting.held;
    progress(`${scenario.name}: ${hours} h simulated, ${sum} mails waiting, ${seconds()} s`);
  };
  const result = await simulate({ ...scenario.options, onSample });
  progress(`${scenario.name}: done in ${seconds()} s\n`);
  return result;
}

function progress(line: string): void {
  process.stderr.write(process.stderr.isTTY || line.endsWith('\n') ? `\r\u001b[K${line}` : '');
}

function recorded({ scenario, result }: ScenarioRun): Recorded & { readonly cost: unknown } {
  return { name: scenario.name, cost: costOf(result), result };
}

function draw(runs: readonly ScenarioRun[], folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const run of runs) writeFileSync(join(folder, `${run.scenario.name}.svg`), `${drawScenario(run)}\n`);
}

function updatePage(file: string, runs: readonly ScenarioRun[]): void {
  const parts: Readonly<Record<string, string>> = { table: markdownTable(runs), assumptions: assumptions() };
  const page = readFileSync(file, 'utf8').replaceAll(
    /(<!-- simulated: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => `${start}\n${parts[name] ?? ''}\n\n${end}`,
  );
  writeFileSync(file, page);
}
