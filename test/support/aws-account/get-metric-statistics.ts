import * as v from 'valibot';
import { MINUTE_MS } from '../../../lib/common/time.ts';
import type { MetricId, MetricStore } from '../cloudwatch/metric-store.ts';
import { readStatistic, type Statistic } from '../cloudwatch/statistic.ts';
import { done, type Operation, type OperationResult, operation, refused } from './account-operation.ts';
import type { AwsAccount } from './aws-account.ts';
import { dimension } from './put-metric-data.ts';

const MAX_DATAPOINTS = 1440;

const input = v.object({
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: v.optional(v.pipe(v.array(dimension), v.maxLength(30)), []),
  /** In seconds, like the end. */
  StartTime: v.number(),
  EndTime: v.number(),
  Period: v.pipe(v.number(), v.minValue(60), v.multipleOf(60)),
  Statistics: v.optional(v.array(v.picklist(['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'])), []),
  ExtendedStatistics: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.regex(/^p(\d{1,2}(\.\d{1,10})?|100)$/))), v.maxLength(10)),
    [],
  ),
  Unit: v.optional(v.string()),
});

type Input = v.InferOutput<typeof input>;

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html */
export const GET_METRIC_STATISTICS: Operation = operation(
  input,
  'InvalidParameterValueException',
  getMetricStatistics,
);

function getMetricStatistics({ metrics }: AwsAccount, request: Input): OperationResult {
  const wrong = wrongCombination(request);
  if (wrong !== undefined) return refused('InvalidParameterCombinationException', wrong);
  const metric: MetricId = {
    namespace: request.Namespace,
    name: request.MetricName,
    dimensions: Object.fromEntries(request.Dimensions.map(({ Name, Value }) => [Name, Value])),
  };
  const unit = metrics.unitOf(metric);
  const fits = request.Unit === undefined || request.Unit === unit;
  const points = fits
    ? periodsOf(request).flatMap((startsMs) => datapoint(metrics, metric, startsMs, request))
    : [];
  return done({ Label: request.MetricName, Datapoints: shuffled(points) });
}

function wrongCombination(request: Input): string | undefined {
  if (request.StartTime >= request.EndTime)
    return 'The parameter StartTime must be less than the parameter EndTime.';
  if (request.Statistics.length + request.ExtendedStatistics.length === 0) {
    return 'At least one of the parameters Statistics and ExtendedStatistics must be specified.';
  }
  const datapoints = Math.ceil((request.EndTime - request.StartTime) / request.Period);
  if (datapoints <= MAX_DATAPOINTS) return undefined;
  return `You have requested up to ${datapoints} datapoints, which exceeds the limit of ${MAX_DATAPOINTS}.`;
}

/** They are aligned to the minute of the start, for any period. */
function periodsOf({ StartTime, EndTime, Period }: Input): number[] {
  const startsMs = Math.floor((StartTime * 1000) / MINUTE_MS) * MINUTE_MS;
  const length = Math.ceil((EndTime * 1000 - startsMs) / (Period * 1000));
  return Array.from({ length }, (_, index) => startsMs + index * Period * 1000);
}

/** None if the period has no data. */
function datapoint(metrics: MetricStore, metric: MetricId, startsMs: number, request: Input): object[] {
  const statisticsOf = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, valueFor(readStatistic(name))]));
  const valueFor = (statistic: Statistic) =>
    metrics.valueIn(metric, { statistic, periodMs: request.Period * 1000, fromMs: startsMs });
  if (valueFor('SampleCount') === undefined) return [];
  const extended = request.ExtendedStatistics;
  return [
    {
      Timestamp: new Date(startsMs),
      Unit: metrics.unitOf(metric),
      ...statisticsOf(request.Statistics),
      ...(extended.length === 0 ? {} : { ExtendedStatistics: statisticsOf(extended) }),
    },
  ];
}

/** AWS returns them in no defined order, so a caller that relies on one must fail here too. */
function shuffled<Item>(items: readonly Item[]): Item[] {
  return [...items.filter((_, index) => index % 2 === 1), ...items.filter((_, index) => index % 2 === 0)];
}
