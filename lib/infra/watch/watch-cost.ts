import * as v from 'valibot';
import { METRICS, type MetricDefinition } from '../../message/metrics.ts';
import { PRICES } from './prices.ts';

/** What one kind of thing costs in a month, in US dollars. */
interface CostItem {
  readonly count: number;
  readonly listPrice: number;

  /** Beyond what is free, where nothing else in the account uses that up. */
  readonly beyondFree: number;
}

export interface WatchCost {
  readonly alarmMetrics: CostItem;
  readonly dashboards: CostItem;

  /** At most: one that never gets a value costs nothing, and one is charged for by the hours that it has values in. */
  readonly customMetrics: CostItem;

  /** Those among them that have values in every hour, also where no mail is handed over. */
  readonly customMetricsAtRest: CostItem;
}

const templateSchema = v.object({
  Resources: v.record(v.string(), v.object({ Type: v.string(), Properties: v.optional(v.unknown()) })),
});

const alarmSchema = v.object({
  Metrics: v.optional(v.array(v.object({ MetricStat: v.optional(v.unknown()) }))),
});

/**
 * What it costs to watch one stage: CloudWatch charges for each metric of an alarm, for dashboards, and for metrics that
 * it did not bring itself.
 *
 * @param template the watch stack, synthesised
 * @throws ValiError for what is no template
 * @see https://aws.amazon.com/cloudwatch/pricing/
 */
export function watchCost(template: unknown, { workerMetrics }: { workerMetrics: boolean }): WatchCost {
  const resources = Object.values(v.parse(templateSchema, template).Resources);
  const ofType = (type: string) => resources.filter(({ Type }) => Type === type);
  const alarmMetrics = ofType('AWS::CloudWatch::Alarm')
    .map(({ Properties }) => metricsOfAlarm(Properties))
    .reduce((sum, count) => sum + count, 0);
  const { alarmMetric, dashboard, customMetric, free } = PRICES.cloudWatch;
  return {
    alarmMetrics: item(alarmMetrics, alarmMetric, free.alarmMetrics),
    dashboards: item(ofType('AWS::CloudWatch::Dashboard').length, dashboard, free.dashboards),
    customMetrics: item(
      countOf(() => true, workerMetrics),
      customMetric,
      free.customMetrics,
    ),
    customMetricsAtRest: item(countOf(isAtRest, workerMetrics), customMetric, free.customMetrics),
  };
}

/** Expressions are free; what goes into them is not. */
function metricsOfAlarm(properties: unknown): number {
  const { Metrics } = v.parse(alarmSchema, properties);
  return Metrics === undefined ? 1 : Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length;
}

/** Each pair of a name and a value of the second dimension is a metric. */
function countOf(fits: (metric: MetricDefinition) => boolean, workerMetrics: boolean): number {
  return Object.values<MetricDefinition>(METRICS)
    .filter((metric) => (workerMetrics || metric.source !== 'worker') && fits(metric))
    .map(({ by }) => (by === undefined ? 1 : by.values.length + (by.total ? 1 : 0)))
    .reduce((sum, count) => sum + count, 0);
}

/** The watch function looks every few minutes; the worker tells of its rows each minute, and of mail that comes. */
function isAtRest({ source, by }: MetricDefinition): boolean {
  return source === 'watch' || (source === 'worker' && by === undefined);
}

function item(count: number, price: number, free: number): CostItem {
  return { count, listPrice: count * price, beyondFree: Math.max(0, count - free) * price };
}
