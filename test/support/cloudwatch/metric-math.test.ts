import { describe, expect, it } from '@jest/globals';
import type { MissingPoints, Points } from './math-value.ts';
import { evaluateExpression } from './metric-math.ts';

const _ = undefined;

const METRICS: Readonly<Record<string, Points>> = {
  m1: [30, 20, 0, _],
  m2: [20, _, 20, _],
  errors4xx: [1, 2, _, 4],
  errors5xx: [10, _, _, 40],
  half: [0.5, -1.5, _, 2],
};

function evaluated(expression: string, missing: MissingPoints = 'stay-missing'): Points {
  return evaluateExpression(expression, {
    seriesOf: (id) => {
      const points = METRICS[id];
      if (points === undefined) throw new Error(`nothing has the id ${id}`);
      return points;
    },
    metricIds: Object.keys(METRICS),
    missing,
  });
}

describe('operators', () => {
  it.each<[string, Points]>([
    ['m1 + 1', [31, 21, 1, _]],
    ['2 * (m1 - 10) / 4', [10, 5, -5, _]],
    ['1 + 2 * m1', [61, 41, 1, _]],
    ['-m1 + 5', [-25, -15, 5, _]],
    ['m1 + m2', [50, _, 20, _]],
    ['100 / m1', [100 / 30, 5, _, _]],
    ['m1 >= 20', [1, 1, 0, _]],
    ['m1 == 20', [0, 1, 0, _]],
    ['m1 != 20', [1, 0, 1, _]],
    ['m1 > 15 AND m2 > 15', [1, _, 0, _]],
    ['m1 > 25 || m1 < 5', [1, 0, 1, _]],
    ['1 + 1 < m1 OR 0', [1, 1, 0, _]],
  ])('%s', (expression, points) => {
    expect(evaluated(expression)).toEqual(points);
  });

  it('are applied to each series of an array', () => {
    expect(evaluated('SUM(100 * [errors4xx, errors5xx] / 10)')).toEqual([110, 20, _, 440]);
    expect(evaluated('SUM([m1, m2] - [m1, m2])')).toEqual([0, 0, 0, _]);
    expect(() => evaluated('SUM([m1, m2] + [m1])')).toThrow('arrays of different lengths');
  });
});

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html */
describe("the examples of AWS's page, where a missing point is zero", () => {
  it.each<[string, Points]>([
    ['m1 < m2', [0, 0, 1, _]],
    ['m1 >= 30', [1, 0, 0, _]],
    ['m1 > 15 AND m2 > 15', [1, 0, 0, _]],
    ['m1 + m2', [50, 20, 20, _]],
    ['m1 / m2', [1.5, _, 0, _]],
    ['m2 + MAX([m2, m2])', [40, _, 40, _]],
  ])('%s', (expression, points) => {
    expect(evaluated(expression, 'are-zero')).toEqual(points);
  });

  const CONDITION = {
    metric1: [1, 1, 0, 0, _],
    metric2: [30, _, 0, 0, 30],
    metric3: [0, 0, 20, _, 20],
  } as const satisfies Record<string, Points>;

  it.each<[string, Points]>([
    ['IF(metric1, metric2, metric3)', [30, 0, 20, _, _]],
    ['IF(metric1, 5, metric3)', [5, 5, 20, _, _]],
    ['IF(metric1, metric2, 5)', [30, 0, 5, 5, _]],
    ['IF(metric1, metric2)', [30, 0, _, _, _]],
  ])('%s', (expression, points) => {
    const seriesOf = (id: string) => CONDITION[id as keyof typeof CONDITION];
    expect(evaluateExpression(expression, { seriesOf, metricIds: [], missing: 'are-zero' })).toEqual(points);
  });
});

describe('functions', () => {
  it.each<[string, Points]>([
    ['FILL(m1, 7)', [30, 20, 0, 7]],
    ['FILL(m2, REPEAT)', [20, 20, 20, 20]],
    ['FILL(errors5xx, errors4xx)', [10, 2, _, 40]],
    ['FILL(m1, 0) + FILL(m2, 0)', [50, 20, 20, 0]],
    ['SUM(FILL([m1, m2], 1))', [50, 21, 20, 2]],
    ['IF(m1 > 10, m2, -1)', [20, _, -1, _]],
    ['IF(m1 > 10, m1)', [30, 20, _, _]],
    ['SUM([m1, m2])', [50, 20, 20, _]],
    ['MAX([m1, m2])', [30, 20, 20, _]],
    ['MIN([m1, m2])', [20, 20, 0, _]],
    ['AVG([m1, m2])', [25, 10, 10, _]],
    ['SUM([METRICS("errors"), m2])', [31, 2, 20, 44]],
    ['m1 * 0 + SUM(m1)', [50, 50, 50, _]],
    ['m1 * 0 + MAX(m1) - MIN(m1)', [30, 30, 30, _]],
    ['m1 * 0 + AVG(m2)', [20, 20, 20, _]],
    ['RUNNING_SUM(errors5xx)', [10, _, _, 50]],
    ['CEIL(half)', [1, -1, _, 2]],
    ['FLOOR(half)', [0, -2, _, 2]],
    ['ABS(half)', [0.5, 1.5, _, 2]],
  ])('%s', (expression, points) => {
    expect(evaluated(expression)).toEqual(points);
  });

  it('fill a series without any point, or leave it unchanged', () => {
    const evaluate = (missing: MissingPoints) =>
      evaluateExpression('FILL(m1, 0)', { seriesOf: () => [_, _], metricIds: [], missing });
    expect(evaluate('stay-missing')).toEqual([0, 0]);
    expect(evaluate('stay-empty')).toEqual([_, _]);
    expect(evaluated('FILL(m1, 7)', 'stay-empty')).toEqual([30, 20, 0, 7]);
  });

  it('repeat nothing before the first point', () => {
    const seriesOf = () => [_, 1, _];
    expect(evaluateExpression('FILL(m1, REPEAT)', { seriesOf, metricIds: [], missing: 'are-zero' })).toEqual([
      _,
      1,
      1,
    ]);
  });
});

describe('what is not supported', () => {
  it.each([
    ['SEARCH("a", "Sum", 300)', 'the function SEARCH'],
    ['RATE(m1)', 'the function RATE'],
    ['toString(m1)', 'the function toString'],
    ['FILL(m1, LINEAR)', 'LINEAR is not known'],
    ['m1 % 2', 'the operator %'],
    ['m1 ^ 2', 'the operator ^'],
    ['!m1', 'the operator !'],
    ['"text" + m1', 'the value "text"'],
    ['m1.length', 'a MemberExpression'],
    ['m1 ? 1 : 0', 'a ConditionalExpression'],
    ['m1 m2', 'a Compound'],
    ['SUM([m1, 5])', 'a number in an array'],
    ['other + 1', 'nothing has the id other'],
    ['FILL(m1)', 'FILL does not take 1 arguments'],
    ['SUM(5) + m1', 'SUM takes a series'],
    ['SUM(m1)', 'a number, not a series'],
    ['[m1, m2]', 'several series'],
    ['m1 +', 'cannot be evaluated'],
  ])('is rejected by name: %s', (expression, reason) => {
    expect(() => evaluated(expression)).toThrow(reason);
  });
});
