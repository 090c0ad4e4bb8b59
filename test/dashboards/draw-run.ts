import type { ScenarioRecording } from '../scenarios/scenario-recording.ts';
import { alarmsOf } from '../support/cloudwatch/alarm-definition.ts';
import type { AlarmState } from '../support/cloudwatch/alarm-state.ts';
import { type AlarmTransition, evaluateAlarm } from '../support/cloudwatch/evaluate-alarm.ts';
import { MetricStore } from '../support/cloudwatch/metric-store.ts';
import { dashboardsOf } from './dashboards-of.ts';
import { renderDashboard } from './render-dashboard.ts';
import { type AlarmStory, runNote } from './run-note.ts';

interface DashboardDrawing {
  /** The dashboard's name. */
  readonly name: string;
  readonly svg: string;
}

export interface DrawnRun {
  readonly drawings: readonly DashboardDrawing[];
  readonly alarms: readonly AlarmStory[];
}

const PERIOD_MS = 5 * 60_000;

/**
 * The dashboards of a template at the end of a run, or at a moment of it.
 *
 * @param untilMs in ms since the epoch
 * @throws RangeError if the moment is not within the run, and Error if the template has unsupported parts
 */
export function drawRun(
  template: unknown,
  recording: ScenarioRecording,
  untilMs = Date.parse(recording.to),
): DrawnRun {
  const { from, to } = recording;
  if (untilMs <= Date.parse(from) || untilMs > Date.parse(to)) {
    throw new RangeError(`${new Date(untilMs).toISOString()} is not within the run, from ${from} to ${to}`);
  }
  const store = MetricStore.of(recording);
  const span = { fromMs: Date.parse(from), toMs: untilMs };
  const alarms = alarmHistories(template, store, span);
  const alarmStates = Object.fromEntries(
    alarms.map(({ name, transitions }) => [name, lastState(transitions)]),
  );
  const note = runNote(recording, alarms);
  const drawings = dashboardsOf(template).map(({ name, body }) => ({
    name,
    svg: renderDashboard({ ...span, title: name, body, store, periodMs: PERIOD_MS, alarmStates, note }),
  }));
  return { drawings, alarms };
}

function alarmHistories(
  template: unknown,
  store: MetricStore,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): readonly AlarmStory[] {
  return alarmsOf(template).map((alarm) => {
    // What was before the recording is unknown, and must not ring as if it were missing.
    const begunMs = fromMs + alarm.periodMs * alarm.evaluationPeriods;
    return { name: alarm.name, transitions: evaluateAlarm(alarm, store, { fromMs: begunMs, toMs }) };
  });
}

function lastState(transitions: readonly AlarmTransition[]): AlarmState {
  return transitions.at(-1)?.state ?? 'INSUFFICIENT_DATA';
}
