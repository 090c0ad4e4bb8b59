import { describe, expect, it } from '@jest/globals';
import type { AlarmDefinition } from './alarm-definition.ts';
import { evaluateAlarm } from './evaluate-alarm.ts';
import { MetricStore } from './metric-store.ts';
import { replay } from './replay.ts';
import type { Statistic } from './statistic.ts';

const MINUTE = 60_000;
const AT = Date.parse('2026-03-01T12:00:00Z');
const METRIC = { namespace: 'shop/mail', name: 'Waiting', dimensions: { stage: 'dev' } };

/** A store with one value of the metric for each minute; undefined skips one. */
function storeOf(values: readonly (number | undefined)[], name = METRIC.name): MetricStore {
  const store = new MetricStore();
  for (const [minute, value] of values.entries()) {
    if (value === undefined) continue;
    store.add({ ...METRIC, name, at: AT + minute * MINUTE, values: [value], unit: 'Count' });
  }
  return store;
}

function anAlarm(changes: Partial<AlarmDefinition> = {}, statistic: Statistic = 'Sum'): AlarmDefinition {
  const periodMs = changes.periodMs ?? MINUTE;
  return {
    name: 'waiting',
    description: undefined,
    queries: [
      { kind: 'metric', id: 'm1', label: undefined, visible: true, periodMs, metric: METRIC, statistic },
    ],
    watchedId: 'm1',
    periodMs,
    evaluationPeriods: 1,
    datapointsToAlarm: 1,
    comparison: 'GreaterThanOrEqualToThreshold',
    threshold: 10,
    treatMissing: 'notBreaching',
    ...changes,
  };
}

/** The transitions, in minutes after noon. */
function transitionsOf(alarm: AlarmDefinition, store: MetricStore, minutes: number) {
  const transitions = evaluateAlarm(alarm, store, { fromMs: AT + MINUTE, toMs: AT + minutes * MINUTE });
  return transitions.map(({ atMs, state }) => [(atMs - AT) / MINUTE, state]);
}

describe('an alarm', () => {
  it('rings at the end of a minute, and closes the same way', () => {
    expect(transitionsOf(anAlarm(), storeOf([0, 10, 12, 0, 0]), 5)).toEqual([
      [1, 'OK'],
      [2, 'ALARM'],
      [4, 'OK'],
    ]);
  });

  it('rings after M of N', () => {
    const alarm = anAlarm({ evaluationPeriods: 3, datapointsToAlarm: 2 });
    expect(transitionsOf(alarm, storeOf([10, 0, 0, 10, 0, 10, 0, 0]), 8)).toEqual([
      [1, 'OK'],
      [6, 'ALARM'],
      [7, 'OK'],
    ]);
  });

  it('evaluates a sliding period each minute', () => {
    const store = storeOf([0, 0, 0, 4, 3, 3, 0, 0, 0, 0, 0]);
    expect(transitionsOf(anAlarm({ periodMs: 5 * MINUTE }), store, 11)).toEqual([
      [1, 'OK'],
      [6, 'ALARM'],
      [9, 'OK'],
    ]);
  });

  it('begins with insufficient data, and returns to it if its whole range has no data', () => {
    const store = storeOf([undefined, 0, ...Array<undefined>(5)]);
    expect(transitionsOf(anAlarm({ treatMissing: 'missing' }), store, 7)).toEqual([
      [2, 'OK'],
      [5, 'INSUFFICIENT_DATA'],
    ]);
  });

  it('rings for missing data only after its range, two periods longer than it evaluates', () => {
    const alarm = anAlarm({ treatMissing: 'breaching', evaluationPeriods: 2, datapointsToAlarm: 2 });
    expect(transitionsOf(alarm, storeOf([0, 0]), 8)).toEqual([
      [1, 'OK'],
      [6, 'ALARM'],
    ]);
  });

  it('evaluates data from before its creation', () => {
    const alarm = anAlarm({ evaluationPeriods: 3, datapointsToAlarm: 3 });
    const span = { fromMs: AT + 3 * MINUTE, toMs: AT + 3 * MINUTE };
    expect(evaluateAlarm(alarm, storeOf([10, 10, 10]), span)).toMatchObject([{ state: 'ALARM' }]);
  });

  it('evaluates more than a day only each hour', () => {
    const alarm = anAlarm({ periodMs: 24 * 60 * MINUTE, evaluationPeriods: 2, datapointsToAlarm: 1 });
    expect(transitionsOf(alarm, storeOf([0, 99]), 180)).toEqual([[60, 'ALARM']]);
  });

  it('states the evaluated points', () => {
    const alarm = anAlarm({ evaluationPeriods: 2, datapointsToAlarm: 1 });
    const [, rang] = evaluateAlarm(alarm, storeOf([0, undefined, 12]), {
      fromMs: AT + MINUTE,
      toMs: AT + 3 * MINUTE,
    });
    expect(rang?.reason).toBe('1 of [- 0 - 12] breach >= 10 for 1 of 2');
  });

  it('compares the result of an expression', () => {
    const store = storeOf([50, 50, 50]);
    const failed = [undefined, 5, 1];
    for (const [minute, value] of failed.entries()) {
      if (value === undefined) continue;
      store.add({ ...METRIC, name: 'Failed', at: AT + minute * MINUTE, values: [value], unit: 'Count' });
    }
    const [waiting] = anAlarm().queries;
    if (waiting?.kind !== 'metric') throw new Error('the alarm has no metric');
    const rate = {
      kind: 'expression',
      id: 'e1',
      label: undefined,
      visible: true,
      periodMs: undefined,
    } as const;
    const queries = [
      { ...waiting, visible: false },
      { ...waiting, id: 'm2', visible: false, metric: { ...METRIC, name: 'Failed' } },
      { ...rate, expression: '100 * FILL(m2, 0) / m1' },
    ];
    expect(transitionsOf(anAlarm({ queries, watchedId: 'e1' }), store, 3)).toEqual([
      [1, 'OK'],
      [2, 'ALARM'],
      [3, 'OK'],
    ]);
  });
});

describe('a replay', () => {
  it('returns when each alarm rang and closed', () => {
    const recording = storeOf([0, 10, 0, 0, 20]).toRecording();
    const [rung, quiet] = replay([anAlarm(), anAlarm({ name: 'quiet', threshold: 99 })], recording);
    expect(rung?.rings).toMatchObject([
      { atMs: AT + 2 * MINUTE, closedMs: AT + 3 * MINUTE },
      { atMs: AT + 5 * MINUTE, closedMs: undefined },
    ]);
    expect(quiet).toEqual({ alarm: 'quiet', rings: [] });
  });

  it('does not take the time before the recording for missing data', () => {
    const recording = storeOf([0, 0, 0, 0]).toRecording();
    const alarm = anAlarm({ treatMissing: 'breaching', evaluationPeriods: 3, datapointsToAlarm: 2 });
    expect(replay([alarm], recording)).toEqual([{ alarm: 'waiting', rings: [] }]);
  });

  it('handles missing points of operators either way', () => {
    const store = storeOf([0, 20, 0]);
    store.add({ ...METRIC, name: 'Seen', at: AT + 2 * MINUTE, values: [1], unit: 'Count' });
    const [waiting] = anAlarm().queries;
    if (waiting?.kind !== 'metric') throw new Error('the alarm has no metric');
    const sum = {
      kind: 'expression',
      id: 'e1',
      label: undefined,
      visible: true,
      periodMs: undefined,
    } as const;
    const queries = [
      { ...waiting, visible: false },
      { ...waiting, id: 'm2', visible: false, metric: { ...METRIC, name: 'Seen' } },
      { ...sum, expression: 'm1 + m2' },
    ];
    const alarm = anAlarm({ queries, watchedId: 'e1' });
    const ringsWith = (missing: 'stay-missing' | 'are-zero') =>
      replay([alarm], store.toRecording(), { missing })[0]?.rings.length;
    expect(ringsWith('stay-missing')).toBe(0);
    expect(ringsWith('are-zero')).toBe(1);
  });
});
