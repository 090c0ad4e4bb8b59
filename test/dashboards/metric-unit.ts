import { METRICS } from '../../lib/domain/metrics.ts';
import type { ReadQuery } from '../support/cloudwatch/metric-query.ts';
import type { MetricId, MetricStore } from '../support/cloudwatch/metric-store.ts';
import type { ValueUnit } from './format-value.ts';

/** Units in the label of a metric or an axis, or in a title. */
const WRITTEN: readonly (readonly [RegExp, ValueUnit])[] = [
  [/%|\bper ?cent\b/i, 'Percent'],
  [/, s$/, 'Seconds'],
  [/\$|\busd\b|\bdollars?\b/i, 'Dollars'],
  [/\bdays\b/i, 'Days'],
  [/\b(?:ms|milliseconds)\b/i, 'Milliseconds'],
  [/\bseconds\b/i, 'Seconds'],
  [/\bbytes\b/i, 'Bytes'],
];

/** The units of CloudWatch that are meaningful. */
const MEANINGFUL: readonly ValueUnit[] = ['Count', 'Bytes', 'Seconds', 'Milliseconds', 'Percent'];

/**
 * The unit in which a row of a widget is shown. CloudWatch has that of a metric, but not that of an
 * expression, for which the written texts decide.
 */
export function unitOf(
  query: ReadQuery,
  {
    queries,
    store,
    written,
  }: {
    queries: readonly ReadQuery[];
    store: MetricStore;
    /** The closest to the numbers first. */
    written: readonly string[];
  },
): ValueUnit {
  if (query.kind === 'metric') {
    if (query.statistic === 'SampleCount') return 'Count';
    return unitOfMetric(query.metric, store) ?? writtenUnit(written) ?? 'None';
  }
  return writtenUnit(written) ?? unitOfParts(query.expression, queries, store) ?? 'None';
}

/** A product or a quotient has another unit than its parts. */
function unitOfParts(
  expression: string,
  queries: readonly ReadQuery[],
  store: MetricStore,
): ValueUnit | undefined {
  if (/[*/]/.test(expression)) return undefined;
  const ids = new Set(expression.match(/\b[a-z]\w*/g));
  const part = queries.find(({ id, kind }) => kind === 'metric' && ids.has(id));
  return part?.kind === 'metric' ? unitOfMetric(part.metric, store) : undefined;
}

function unitOfMetric(id: MetricId, store: MetricStore): ValueUnit | undefined {
  if (id.name.endsWith('Days')) return 'Days';
  const ours = Object.entries(METRICS).find(([name]) => name === id.name)?.[1].unit;
  const unit = store.unitOf(id) ?? ours;
  return MEANINGFUL.find((known) => known === unit);
}

function writtenUnit(texts: readonly string[]): ValueUnit | undefined {
  for (const text of texts) {
    const unit = WRITTEN.find(([pattern]) => pattern.test(text))?.[1];
    if (unit !== undefined) return unit;
  }
  return undefined;
}
