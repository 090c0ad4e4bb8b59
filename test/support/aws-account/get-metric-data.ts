import * as v from 'valibot';
import type { MetricQuery } from '../cloudwatch/metric-query.ts';
import type { MetricStore } from '../cloudwatch/metric-store.ts';
import { evaluateMetrics, type MetricSeries } from '../cloudwatch/widget-series.ts';
import { done, type Operation, type OperationResult, operation, refused } from './account-operation.ts';
import type { AwsAccount } from './aws-account.ts';

const input = v.object({
  MetricDataQueries: v.pipe(v.array(v.looseObject({ Id: v.string() })), v.maxLength(500)),
  /** In seconds, like the end. */
  StartTime: v.number(),
  EndTime: v.number(),
  ScanBy: v.optional(v.picklist(['TimestampDescending', 'TimestampAscending']), 'TimestampDescending'),
});

type Input = v.InferOutput<typeof input>;

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html */
export const GET_METRIC_DATA: Operation = operation(input, 'ValidationException', getMetricData);

function getMetricData({ metrics }: AwsAccount, request: Input): OperationResult {
  const { StartTime, EndTime, MetricDataQueries, ScanBy } = request;
  if (StartTime >= EndTime) {
    return refused('ValidationException', 'The parameter StartTime must be less than the parameter EndTime.');
  }
  const evaluated = evaluate(MetricDataQueries, metrics, { fromMs: StartTime * 1000, toMs: EndTime * 1000 });
  if (evaluated.kind === 'refused') return refused('ValidationException', evaluated.message);
  const shown = evaluated.series.filter(({ visible }) => visible);
  return done({ MetricDataResults: shown.map((series) => resultOf(series, ScanBy)), Messages: [] });
}

type Evaluated =
  | { readonly kind: 'series'; readonly series: readonly MetricSeries[] }
  | { readonly kind: 'refused'; readonly message: string };

function evaluate(
  queries: readonly MetricQuery[],
  metrics: MetricStore,
  span: { readonly fromMs: number; readonly toMs: number },
): Evaluated {
  try {
    return { kind: 'series', series: evaluateMetrics(queries, metrics, span) };
  } catch (error) {
    return { kind: 'refused', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Periods without data are omitted. */
function resultOf({ id, label, points, startsMs, periodMs }: MetricSeries, scanBy: Input['ScanBy']) {
  const present = points.flatMap((value, index) =>
    value === undefined ? [] : [{ value, at: new Date(startsMs + index * periodMs) }],
  );
  const ordered = scanBy === 'TimestampDescending' ? present.toReversed() : present;
  return {
    Id: id,
    Label: label,
    Timestamps: ordered.map(({ at }) => at.getTime() / 1000),
    Values: ordered.map(({ value }) => value),
    StatusCode: 'Complete',
  };
}
