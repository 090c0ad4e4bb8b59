import type { ReadQuery } from '../support/cloudwatch/metric-query.ts';
import { readStatistic } from '../support/cloudwatch/statistic.ts';
import { evaluateQueries, type MetricSeries } from '../support/cloudwatch/widget-series.ts';
import type { CardContext } from './card-context.ts';
import type { MetricProperties } from './dashboard-body.ts';
import type { ValueUnit } from './format-value.ts';
import { metricRows } from './metric-row.ts';
import { unitOf } from './metric-unit.ts';
import { seriesColour } from './palette.ts';

/** A visible series, and its look. */
export interface DrawnSeries extends Pick<MetricSeries, 'label' | 'points' | 'startsMs' | 'periodMs'> {
  readonly colour: string;
  readonly unit: ValueUnit;
  readonly axis: 'left' | 'right';
}

/**
 * The visible series of a widget, in the order of its rows; invisible ones are only inputs of expressions.
 */
export function drawnSeries(properties: MetricProperties, context: CardContext): readonly DrawnSeries[] {
  const rows = metricRows(properties.metrics);
  const queries = rows.map(({ query }) => query);
  const shown = evaluated(queries, properties, context).flatMap(({ visible, ...series }, index) => {
    const row = rows[index];
    if (!visible || row === undefined) return [];
    const written = [series.label, properties.yAxis[row.axis]?.label ?? '', properties.title];
    return [{ ...row, ...series, unit: unitOf(row.query, { queries, store: context.store, written }) }];
  });
  return shown.map(({ label, points, startsMs, periodMs, unit, axis, colour }, index) => ({
    ...{ label, points, startsMs, periodMs, unit, axis },
    colour: colour ?? seriesColour(index),
  }));
}

function evaluated(
  queries: readonly ReadQuery[],
  { stat = 'Average', period, setPeriodToTimeRange }: MetricProperties,
  context: CardContext,
): readonly MetricSeries[] {
  const { store, fromMs, toMs } = context;
  const common = { statistic: readStatistic(stat), missing: 'stay-missing' as const };
  if (setPeriodToTimeRange) {
    // The whole time range is one period then, regardless of the rows.
    const periodMs = toMs - fromMs;
    const whole = queries.map((query) => ({ ...query, periodMs }));
    const windowOf = () => ({ startsMs: fromMs, length: 1 });
    return evaluateQueries(whole, store, { ...common, periodMs, windowOf });
  }
  return evaluateQueries(queries, store, {
    ...common,
    periodMs: period === undefined ? context.periodMs : period * 1000,
    windowOf: (periodMs) => {
      const startsMs = Math.floor(fromMs / periodMs) * periodMs;
      return { startsMs, length: Math.ceil((toMs - startsMs) / periodMs) };
    },
  });
}

export function hasData({ points }: DrawnSeries): boolean {
  return points.some((point) => point !== undefined);
}

export function knownPoints({ points }: DrawnSeries): readonly number[] {
  return points.filter((point) => point !== undefined);
}

/** The value of a view that shows one number. */
export function latestPoint({ points }: DrawnSeries): number | undefined {
  return points.findLast((point) => point !== undefined);
}
