import { MINUTE_MS } from '../../lib/common/time.ts';
import type { ScenarioRecording } from '../scenarios/scenario-recording.ts';
import type { AlarmTransition } from '../support/cloudwatch/evaluate-alarm.ts';

/** The transitions of an alarm in a run. */
export interface AlarmStory {
  /** The alarm's name. */
  readonly name: string;
  readonly transitions: readonly AlarmTransition[];
}

/** States what a picture shows, so that it is not taken for one of AWS, and below it which alarms rang. */
export function runNote(
  { scenario, speed, from, to }: Pick<ScenarioRecording, 'scenario' | 'speed' | 'from' | 'to'>,
  alarms: readonly AlarmStory[],
): string {
  const minutes = (Date.parse(to) - Date.parse(from)) / speed / MINUTE_MS;
  const length = minutes === 1 ? '1 minute' : `${Number(minutes.toPrecision(2))} minutes`;
  const run = `a run of ${length} on one machine, stretched ${speed} times`;
  const what = `Drawn from the definition that is deployed, with the metrics of the scenario “${scenario}”: ${run}.`;
  return `${what}\nWhat rang: ${ringsOf(alarms).join(', ') || 'nothing'}.`;
}

function ringsOf(alarms: readonly AlarmStory[]): readonly string[] {
  const rings = alarms.flatMap(({ name, transitions }) =>
    transitions.flatMap(({ state, atMs }, index) => {
      if (state !== 'ALARM') return [];
      const closed = transitions[index + 1];
      const time = closed === undefined ? `since ${clock(atMs)}` : `${clock(atMs)}–${clock(closed.atMs)}`;
      return [{ atMs, text: `${name} ${time}` }];
    }),
  );
  return rings.sort((one, other) => one.atMs - other.atMs).map(({ text }) => text);
}

function clock(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 16);
}
