import { describe, expect, it } from '@jest/globals';
import type { MissingTreatment } from './alarm-definition.ts';
import { type AlarmState, evaluationRange, stateOf } from './alarm-state.ts';

const TREATMENTS = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;

const RULE = { evaluationPeriods: 3, comparison: 'GreaterThanThreshold', threshold: 5 } as const;

/** X breaches, 0 does not, - is missing; the newest is on the right. */
function stateAfter(
  points: string,
  datapointsToAlarm: number,
  treatMissing: MissingTreatment,
  current: AlarmState = 'OK',
): AlarmState {
  const range = points.split(' ').map((point) => ({ X: 6, '0': 0 })[point]);
  return stateOf(range, { ...RULE, datapointsToAlarm, treatMissing }, current);
}

/** The states for each treatment, in the order of AWS's columns; an unchanged state is shown as kept. */
function rowOf(points: string, datapointsToAlarm: number): string[] {
  return TREATMENTS.map((treatment) => {
    const fromOk = stateAfter(points, datapointsToAlarm, treatment, 'OK');
    const fromAlarm = stateAfter(points, datapointsToAlarm, treatment, 'ALARM');
    return fromOk === fromAlarm ? fromOk : 'kept';
  });
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html */
describe("the examples of AWS's page", () => {
  it('have an evaluation range of five points for three', () => {
    expect(evaluationRange(RULE)).toBe(5);
  });

  it.each([
    ['0 - X - X', ['OK', 'OK', 'OK', 'OK']],
    ['0 - - - -', ['OK', 'OK', 'OK', 'OK']],
    ['- - - - -', ['INSUFFICIENT_DATA', 'kept', 'ALARM', 'OK']],
    ['0 X X - X', ['ALARM', 'ALARM', 'ALARM', 'ALARM']],
    ['- - X - -', ['ALARM', 'kept', 'ALARM', 'OK']],
    // From an earlier version of the page.
    ['- - - - X', ['INSUFFICIENT_DATA', 'kept', 'ALARM', 'OK']],
    ['X - - - -', ['ALARM', 'kept', 'ALARM', 'OK']],
  ])('three out of three: %s', (points, states) => {
    expect(rowOf(points, 3)).toEqual(states);
  });

  it.each([
    ['0 - X - X', ['ALARM', 'ALARM', 'ALARM', 'ALARM']],
    ['0 0 X 0 X', ['ALARM', 'ALARM', 'ALARM', 'ALARM']],
    ['0 - X - -', ['OK', 'OK', 'ALARM', 'OK']],
    ['- - - - 0', ['OK', 'OK', 'ALARM', 'OK']],
    ['- - - X -', ['ALARM', 'kept', 'ALARM', 'OK']],
    ['- - - - X', ['INSUFFICIENT_DATA', 'kept', 'ALARM', 'OK']],
  ])('two out of three: %s', (points, states) => {
    expect(rowOf(points, 2)).toEqual(states);
  });

  it.each(['- - - X -', '- - - - X'])('do not ring too early for %s', (points) => {
    expect(rowOf(points, 3)[0]).toBe('INSUFFICIENT_DATA');
  });
});

describe('the newest points', () => {
  it('decide if none is missing', () => {
    expect(stateAfter('X X 0 0 0', 1, 'breaching')).toBe('OK');
    expect(stateAfter('0 0 X X X', 3, 'notBreaching')).toBe('ALARM');
  });

  it('ring for one out of three, for any treatment of missing data', () => {
    for (const treatment of TREATMENTS) expect(stateAfter('- - - - X', 1, treatment)).toBe('ALARM');
  });

  it.each([
    ['GreaterThanThreshold', [false, false, true]],
    ['GreaterThanOrEqualToThreshold', [false, true, true]],
    ['LessThanThreshold', [true, false, false]],
    ['LessThanOrEqualToThreshold', [true, true, false]],
  ] as const)('are compared by %s', (comparison, expected) => {
    const rule = {
      evaluationPeriods: 1,
      datapointsToAlarm: 1,
      threshold: 5,
      treatMissing: 'missing',
    } as const;
    const states = [4, 5, 6].map((value) => stateOf([value], { ...rule, comparison }, 'OK'));
    expect(states).toEqual(expected.map((rings) => (rings ? 'ALARM' : 'OK')));
  });
});
