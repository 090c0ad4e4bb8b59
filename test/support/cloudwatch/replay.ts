import type { AlarmDefinition } from './alarm-definition.ts';
import { type AlarmTransition, evaluateAlarm } from './evaluate-alarm.ts';
import type { MissingPoints } from './math-value.ts';
import { MetricStore } from './metric-store.ts';
import type { Recording } from './recording.ts';

/** When an alarm would have rung in a recorded run. */
export interface Replay {
  /** Its name. */
  readonly alarm: string;
  readonly rings: readonly Ring[];
}

interface Ring {
  /** In ms since the epoch, like all times here. */
  readonly atMs: number;
  /** Undefined if it rings until the end of the recording. */
  readonly closedMs: number | undefined;
  /** Why it rang. */
  readonly reason: string;
}

/**
 * Replays a recording to alarms. Each begins after one whole evaluation of the recording: what was before is
 * unknown, and must not ring as if it were missing.
 *
 * @throws Error if an alarm uses what is not supported here
 */
export function replay(
  alarms: readonly AlarmDefinition[],
  recording: Recording,
  { missing = 'stay-missing' }: { readonly missing?: MissingPoints } = {},
): readonly Replay[] {
  const store = MetricStore.of(recording);
  const { fromMs, toMs } = store.span();
  return alarms.map((alarm) => {
    const begunMs = fromMs + alarm.periodMs * alarm.evaluationPeriods;
    const transitions = evaluateAlarm(alarm, store, { fromMs: begunMs, toMs, missing });
    return { alarm: alarm.name, rings: ringsOf(transitions) };
  });
}

function ringsOf(transitions: readonly AlarmTransition[]): readonly Ring[] {
  return transitions.flatMap(({ atMs, state, reason }, index) =>
    state === 'ALARM' ? [{ atMs, closedMs: transitions[index + 1]?.atMs, reason }] : [],
  );
}
