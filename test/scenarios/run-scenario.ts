import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalPipeline, startLocalPipeline } from '../../lib/emulators/pipeline.ts';
import { collectInvocation } from '../support/cloudwatch/collect-functions.ts';
import { readEmbeddedMetrics } from '../support/cloudwatch/read-embedded-metrics.ts';
import { type AccountMetrics, startAccountMetrics } from './account-metrics.ts';
import { SCENARIOS, type ScenarioName } from './all-scenarios.ts';
import { AskingApi } from './asking-api.ts';
import { ACCOUNT_METRICS_FUNCTION, collectAll, DEPLOYED_NAMES } from './collect-all.ts';
import { playLoads } from './play-loads.ts';
import { giveFates, USUAL_REFUSALS } from './recipients.ts';
import { Recorder } from './recorder.ts';
import { sampleMinutes } from './sample-minutes.ts';
import type { Scenario, Stage } from './scenario.ts';
import { ScenarioClock } from './scenario-clock.ts';
import type { ScenarioRecording } from './scenario-recording.ts';

export interface RunOptions {
  /** Called with what happens, as one line with the scenario time. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Aborts the run, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a scenario on this machine, with the real worker and the real bundles of the Lambdas between doubles
 * and emulators, and returns everything that CloudWatch would have received.
 */
export function runScenario(name: ScenarioName, options: RunOptions = {}): Promise<ScenarioRecording> {
  return playScenario(SCENARIOS[name], options);
}

/** The same for a scenario that is not in `SCENARIOS`. */
export async function playScenario(scenario: Scenario, options: RunOptions = {}): Promise<ScenarioRecording> {
  const recorder = new Recorder(scenario);
  const directory = await mkdtemp(join(tmpdir(), 'keybuzz-mail-scenario-'));
  const pipeline = await startObserved(directory, recorder);
  try {
    await prepare(pipeline);
    await playWatched(scenario, pipeline, recorder, options);
    return recorder.recording();
  } finally {
    await pipeline.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function startObserved(directory: string, recorder: Recorder): Promise<LocalPipeline> {
  const functionNames = { resend: DEPLOYED_NAMES.resendFunction, feedback: DEPLOYED_NAMES.feedbackFunction };
  return startLocalPipeline({
    directory,
    workerEnvironment: SHORT_PATIENCE,
    onFunctionLogLine: (line) => collectLogLine(line, recorder),
    onInvocation: (name, invocation) =>
      collectInvocation(invocation, functionNames[name], (seen) => recorder.observe(seen)),
  });
}

function collectLogLine(line: string, recorder: Recorder): void {
  for (const seen of readEmbeddedMetrics(line)) recorder.observe(seen);
}

/** In scaled time, the five-second timeout for a silent server would be ten minutes. */
const SHORT_PATIENCE = {
  SMTP_CONNECT_TIMEOUT_MS: '1500',
  SMTP_GREETING_TIMEOUT_MS: '1500',
  SMTP_SOCKET_TIMEOUT_MS: '3000',
  SMTP_SEND_TIMEOUT_MS: '5000',
};

/** The daily SES quota of a small account. */
const DAILY_QUOTA = 2_000;

async function prepare({ smtp, services: { ses } }: LocalPipeline): Promise<void> {
  await smtp.behave(USUAL_REFUSALS);
  ses.account.max24HourSend = DAILY_QUOTA;
  giveFates(ses);
}

async function playWatched(
  scenario: Scenario,
  pipeline: LocalPipeline,
  recorder: Recorder,
  options: RunOptions,
): Promise<void> {
  const monitoring = await startAccountMetrics({
    services: pipeline.services,
    userName: DEPLOYED_NAMES.user,
    onLogLine: (line) => collectLogLine(line, recorder),
    onInvocation: (invocation) =>
      collectInvocation(invocation, ACCOUNT_METRICS_FUNCTION, (seen) => recorder.observe(seen)),
  });
  try {
    await play(scenario, { pipeline, monitoring, recorder }, options);
  } finally {
    await monitoring.close();
  }
}

interface Players {
  readonly pipeline: LocalPipeline;
  readonly monitoring: AccountMetrics;
  readonly recorder: Recorder;
}

/** If one part fails, the others end. */
async function play(
  scenario: Scenario,
  { pipeline, monitoring, recorder }: Players,
  { signal, onProgress = () => {} }: RunOptions,
): Promise<void> {
  const collectors = collectAll(pipeline, (seen) => recorder.observe(seen));
  const ending = new AbortController();
  const ends = AbortSignal.any([ending.signal, ...(signal === undefined ? [] : [signal])]);
  const clock = new ScenarioClock(scenario, ends);
  recorder.begin(clock.startedMs);
  const api = new AskingApi(pipeline.pool);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const stage: Stage = { pipeline, ask: (mail) => api.ask(mail), end, signal: ends };
  const parts = [
    sampleMinutes(scenario, collectors, clock),
    playLoads(scenario, api, clock),
    playSteps(scenario, stage, clock, onProgress),
    monitoring.play(scenario, clock),
    clock.until(scenario.hours),
  ];
  try {
    await Promise.race([Promise.all(parts), ended]);
    // What was counted since the start of the last minute.
    const nowMs = Date.now();
    await Promise.all(collectors.map((collector) => collector.sample(nowMs)));
    recorder.end(nowMs);
    onProgress(`${clock.wallTime(scenario.hours)} ${api.asked} mails were asked for`);
  } finally {
    ending.abort(new Error('the scenario has ended'));
    await Promise.allSettled(parts);
  }
}

async function playSteps(
  { steps }: Scenario,
  stage: Stage,
  clock: ScenarioClock,
  onProgress: (line: string) => void,
): Promise<void> {
  for (const { atHours, title, act } of steps) {
    await clock.until(atHours);
    onProgress(`${clock.wallTime(atHours)} ${title}`);
    await act(stage);
  }
}
