import type { MissingPoints, Points } from './math-value.ts';
import { evaluateExpression } from './metric-math.ts';
import {
  type MetricQuery,
  type ReadExpression,
  type ReadMetric,
  type ReadQuery,
  readQueries,
} from './metric-query.ts';
import type { MetricStore } from './metric-store.ts';
import { readStatistic, type Statistic } from './statistic.ts';

export interface SeriesOptions {
  /** In ms since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Of entries without their own period: `period` of the widget. @default 5 minutes */
  readonly periodMs?: number;
  /** Of entries without their own statistic: `stat` of the widget. @default Average */
  readonly statistic?: string;
  /** How operators treat a missing point. @default stay-missing */
  readonly missing?: MissingPoints;
}

export interface MetricSeries {
  /** The given id; by default its index, such as `#0`. */
  readonly id: string;
  /** The given label; by default the metric's name, or the expression. */
  readonly label: string;
  readonly visible: boolean;
  /** One for each period; undefined if there is none. */
  readonly points: Points;
  /** When the first period starts, in ms since the epoch. */
  readonly startsMs: number;
  readonly periodMs: number;
}

const DEFAULT_PERIOD_MS = 5 * 60_000;

/**
 * One series for each entry, including hidden ones, in their order. Periods are aligned to their multiples.
 *
 * @throws Error that names what is not supported here
 */
export function evaluateMetrics(
  metrics: readonly MetricQuery[],
  store: MetricStore,
  { fromMs, toMs, periodMs = DEFAULT_PERIOD_MS, statistic = 'Average', missing }: SeriesOptions,
): readonly MetricSeries[] {
  return evaluateQueries(readQueries(metrics), store, {
    periodMs,
    statistic: readStatistic(statistic),
    missing: missing ?? 'stay-missing',
    windowOf: (ofMs) => {
      const startsMs = Math.floor(fromMs / ofMs) * ofMs;
      return { startsMs, length: Math.max(0, Math.ceil((toMs - startsMs) / ofMs)) };
    },
  });
}

/** The requested periods. */
interface PeriodWindow {
  /** At any whole minute. */
  readonly startsMs: number;
  /** In periods. */
  readonly length: number;
}

interface QueryOptions {
  readonly periodMs: number;
  readonly statistic: Statistic;
  readonly missing: MissingPoints;
  readonly windowOf: (periodMs: number) => PeriodWindow;
}

/** The same for parsed entries, over any window: that of an alarm slides. */
export function evaluateQueries(
  queries: readonly ReadQuery[],
  store: MetricStore,
  options: QueryOptions,
): readonly MetricSeries[] {
  const byId = new Map(queries.map((query) => [query.id, query]));
  const metricIds = queries.filter(({ kind }) => kind === 'metric').map(({ id }) => id);
  const evaluated = new Map<ReadQuery, MetricSeries>();

  function evaluate(query: ReadQuery, path: readonly string[]): MetricSeries {
    const series = evaluated.get(query) ?? compute(query, path);
    evaluated.set(query, series);
    return series;
  }

  /** @param path the expressions that led here, because none may depend on itself */
  function compute(query: ReadQuery, path: readonly string[]): MetricSeries {
    if (query.kind === 'metric') return metricSeries(query, store, options);
    if (path.includes(query.id)) throw new Error(`the expression ${query.id} needs itself`);
    const used: MetricSeries[] = [];
    const seriesOf = (id: string) => {
      const found = byId.get(id);
      if (found === undefined) throw new Error(`nothing has the id ${id}`);
      const series = evaluate(found, [...path, query.id]);
      used.push(series);
      return series.points;
    };
    const { missing } = options;
    const points = evaluateExpression(query.expression, { seriesOf, metricIds, missing });
    return expressionSeries(query, points, used);
  }

  return queries.map((query) => evaluate(query, []));
}

function metricSeries(query: ReadMetric, store: MetricStore, options: QueryOptions): MetricSeries {
  const { id, metric, visible, label = metric.name } = query;
  const periodMs = query.periodMs ?? options.periodMs;
  const statistic = query.statistic ?? options.statistic;
  const { startsMs, length } = options.windowOf(periodMs);
  const points = Array.from({ length }, (_, index) =>
    store.valueIn(metric, { statistic, periodMs, fromMs: startsMs + index * periodMs }),
  );
  return { id, label, visible, points, startsMs, periodMs };
}

/** Points of different periods must not be combined, even though a console might. */
function expressionSeries(
  query: ReadExpression,
  points: Points,
  used: readonly MetricSeries[],
): MetricSeries {
  const { id, expression, visible, label = expression } = query;
  const [first, ...others] = used;
  if (first === undefined) throw new Error(`the expression ${expression} has no metric`);
  const { startsMs, periodMs } = first;
  const declared = query.periodMs ?? periodMs;
  if (declared !== periodMs || others.some((other) => other.periodMs !== periodMs)) {
    throw new Error(`the expression ${expression} has metrics of different periods`);
  }
  return { id, label, visible, points, startsMs, periodMs };
}
