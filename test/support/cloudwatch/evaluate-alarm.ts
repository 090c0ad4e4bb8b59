import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../lib/common/time.ts';
import type { AlarmDefinition } from './alarm-definition.ts';
import { type AlarmState, evaluationRange, isBreaching, stateOf } from './alarm-state.ts';
import type { MissingPoints, Points } from './math-value.ts';
import type { MetricStore } from './metric-store.ts';
import { evaluateQueries } from './widget-series.ts';

export interface AlarmSpan {
  /** When the alarm is created, in ms since the epoch. It evaluates earlier data of the store, too. */
  readonly fromMs: number;
  /** In ms since the epoch; the last evaluation may be then. */
  readonly toMs: number;
  /** How operators treat a missing point. @default stay-missing */
  readonly missing?: MissingPoints;
}

/** A change of the state of an alarm. */
export interface AlarmTransition {
  readonly atMs: number;
  readonly state: AlarmState;
  readonly reason: string;
}

/**
 * Simulates time for an alarm: each minute it evaluates the periods that end then, which slide with it. It
 * begins with INSUFFICIENT_DATA, like a new alarm. The delay of metrics in CloudWatch is not simulated.
 *
 * @throws Error if its expressions use what is not supported here
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 */
export function evaluateAlarm(
  alarm: AlarmDefinition,
  store: MetricStore,
  { fromMs, toMs, missing = 'stay-missing' }: AlarmSpan,
): readonly AlarmTransition[] {
  const stepMs = stepOf(alarm);
  const transitions: AlarmTransition[] = [];
  let current: AlarmState = 'INSUFFICIENT_DATA';
  for (let atMs = Math.ceil(fromMs / stepMs) * stepMs; atMs <= toMs; atMs += stepMs) {
    const range = rangeAt(atMs, alarm, store, missing);
    const state = stateOf(range, alarm, current);
    if (state !== current) transitions.push({ atMs, state, reason: reasonOf(range, alarm, state) });
    current = state;
  }
  return transitions;
}

/** Alarms over more than a day are evaluated each hour. */
function stepOf({ periodMs, evaluationPeriods }: AlarmDefinition): number {
  return periodMs * evaluationPeriods > DAY_MS ? HOUR_MS : MINUTE_MS;
}

function rangeAt(atMs: number, alarm: AlarmDefinition, store: MetricStore, missing: MissingPoints): Points {
  const { queries, watchedId, periodMs } = alarm;
  const length = evaluationRange(alarm);
  const series = evaluateQueries(queries, store, {
    periodMs,
    statistic: 'Average',
    missing,
    windowOf: () => ({ startsMs: atMs - length * periodMs, length }),
  });
  return series.find(({ id }) => id === watchedId)?.points ?? [];
}

const SIGNS = {
  GreaterThanThreshold: '>',
  GreaterThanOrEqualToThreshold: '>=',
  LessThanThreshold: '<',
  LessThanOrEqualToThreshold: '<=',
} as const;

/** The evaluated points, for the reader of the reason: a missing one is a dash. */
function reasonOf(range: Points, alarm: AlarmDefinition, state: AlarmState): string {
  const { comparison, threshold, datapointsToAlarm, evaluationPeriods } = alarm;
  if (state === 'INSUFFICIENT_DATA') return `no data that would tell, of the last ${range.length} periods`;
  const breaching = range.filter((value) => value !== undefined && isBreaching(value, alarm)).length;
  const points = range.map((value) => value ?? '-').join(' ');
  const rule = `${SIGNS[comparison]} ${threshold} for ${datapointsToAlarm} of ${evaluationPeriods}`;
  return `${breaching} of [${points}] breach ${rule}`;
}
