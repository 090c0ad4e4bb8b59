import { describe, expect, it } from '@jest/globals';
import { Duration, Stack } from 'aws-cdk-lib';
import { GraphWidget, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricQuery } from './metric-query.ts';
import { MetricStore } from './metric-store.ts';
import { evaluateMetrics } from './widget-series.ts';

const MINUTE = 60_000;
const AT = Date.parse('2026-03-01T12:00:00Z');
const SPAN = { fromMs: AT, toMs: AT + 3 * MINUTE, periodMs: MINUTE, statistic: 'Sum' };

/** Handed over for two classes, and resent, in the three minutes after noon. */
function aStore(): MetricStore {
  const store = new MetricStore();
  const add = (name: string, dimensions: Record<string, string>, values: readonly (readonly number[])[]) => {
    for (const [minute, seen] of values.entries()) {
      if (seen.length === 0) continue;
      const at = AT + minute * MINUTE;
      store.add({ namespace: 'shop/mail', name, dimensions, at, values: seen, unit: 'Count' });
    }
  };
  add('HandedOver', { stage: 'dev', class: 'tls' }, [[1], [1, 1], []]);
  add('HandedOver', { stage: 'dev', class: 'auth' }, [[], [5], [3, 4]]);
  add('Resent', { stage: 'dev' }, [[1], [6], [7]]);
  return store;
}

const pointsOf = (metrics: readonly MetricQuery[], options = {}) =>
  evaluateMetrics(metrics, aStore(), { ...SPAN, ...options }).map(({ points }) => points);

const TLS = ['shop/mail', 'HandedOver', 'stage', 'dev', 'class', 'tls'];
const TLS_POINTS = [1, 2, undefined];
const AUTH_POINTS = [undefined, 5, 7];

describe('the metrics of a widget', () => {
  it('are series, with their label and start', () => {
    const [series] = evaluateMetrics([[...TLS, { id: 'm1', label: 'TLS', visible: false }]], aStore(), SPAN);
    expect(series).toEqual({
      id: 'm1',
      label: 'TLS',
      visible: false,
      points: TLS_POINTS,
      startsMs: AT,
      periodMs: MINUTE,
    });
    expect(evaluateMetrics([TLS], aStore(), SPAN)).toMatchObject([{ label: 'HandedOver', visible: true }]);
  });

  it.each([
    ['dots', ['.', '.', '.', '.', '.', 'auth']],
    ['an ellipsis', ['...', 'auth']],
    ['an ellipsis, with options', ['...', 'auth', { color: '#ff0000' }]],
    ['an ellipsis and dots', ['shop/mail', '...', 'class', 'auth']],
  ])('are shortened by %s', (_what, entry) => {
    expect(pointsOf([TLS, entry])).toEqual([TLS_POINTS, AUTH_POINTS]);
  });

  it('are shortened across expressions, and by entries that were shortened themselves', () => {
    const entries = [TLS, [{ expression: 'm9 * 2' }], ['...', 'auth', { id: 'm9' }], ['...']];
    expect(pointsOf(entries)).toEqual([TLS_POINTS, [undefined, 10, 14], AUTH_POINTS, AUTH_POINTS]);
  });

  it('have their own statistic and period, or those of the widget', () => {
    const entries = [TLS, ['...', { stat: 'SampleCount' }], ['...', { period: 300 }]];
    expect(pointsOf(entries)).toEqual([TLS_POINTS, [1, 2, undefined], [3]]);
    const [series] = evaluateMetrics([TLS], aStore(), { fromMs: AT + MINUTE, toMs: AT + 6 * MINUTE });
    expect(series).toMatchObject({ startsMs: AT, periodMs: 5 * MINUTE, points: [1, undefined] });
  });

  it('are evaluated in expressions, even if these refer to later expressions', () => {
    const entries = [
      [{ expression: '100 * e1 / resent', id: 'e2', label: 'share' }],
      [{ expression: 'SUM([tls, auth])', id: 'e1' }],
      [...TLS, { id: 'tls' }],
      ['...', 'auth', { id: 'auth' }],
      ['.', 'Resent', '.', '.', { id: 'resent' }],
    ];
    const [share, sum] = evaluateMetrics(entries, aStore(), SPAN);
    expect(share).toMatchObject({ label: 'share', points: [100, (100 * 7) / 6, 100] });
    expect(sum).toMatchObject({ label: 'SUM([tls, auth])', points: [1, 7, 7] });
  });

  it('are parsed as the CDK writes them', () => {
    const metric = (cause: string) =>
      new Metric({
        namespace: 'shop/mail',
        metricName: 'HandedOver',
        dimensionsMap: { stage: 'dev', class: cause },
        statistic: 'Sum',
        period: Duration.minutes(1),
      });
    const usingMetrics = { m1: metric('tls'), m2: metric('auth') };
    const expression = new MathExpression({
      expression: 'FILL(m1, 0) + FILL(m2, 0)',
      usingMetrics,
      period: Duration.minutes(1),
    });
    const stack = new Stack();
    const widget = new GraphWidget({
      left: [metric('tls'), expression],
      statistic: 'Sum',
      period: Duration.minutes(1),
    });
    const [{ properties }] = stack.resolve(widget.toJson());
    const series = evaluateMetrics(properties.metrics, aStore(), SPAN);
    const shown = series.filter(({ visible }) => visible);
    expect(shown.map(({ points }) => points)).toEqual([TLS_POINTS, [1, 7, 7]]);
  });
});

describe('what is not supported', () => {
  it.each([
    ['half a dimension', [['shop/mail', 'Resent', 'stage']], 'does not say a metric'],
    ['no name', [['shop/mail']], 'does not say a metric'],
    ['two sets of options', [[...TLS, {}, {}]], 'not one of a dashboard'],
    ['a statistic', [[...TLS, { stat: 'tm90' }]], 'the statistic tm90'],
    ['an id', [[{ expression: 'm1 * 2' }]], 'nothing has the id m1'],
    ['an expression of itself', [[{ expression: 'e1 + 1', id: 'e1' }]], 'e1 needs itself'],
    ['an expression of nothing', [[{ expression: 'SUM(METRICS())', id: 'e1' }]], 'has no metric'],
    [
      'different periods',
      [[...TLS, { id: 'a' }], ['...', { id: 'b', period: 300 }], [{ expression: 'a + b' }]],
      'metrics of different periods',
    ],
    [
      'a period that its metrics do not have',
      [[...TLS, { id: 'a' }], [{ expression: 'a * 2', period: 300 }]],
      'metrics of different periods',
    ],
    ['neither a metric nor an expression', [{ Id: 'm1' }], 'neither a metric nor an expression'],
  ])('is rejected by name: %s', (_what, metrics, reason) => {
    expect(() => evaluateMetrics(metrics, aStore(), SPAN)).toThrow(reason);
  });
});
