import * as v from 'valibot';
import { METRICS, type MetricDefinition } from '../../domain/metrics.ts';

/** What one item costs in a month, in US dollars. */
interface CostItem {
  readonly count: number;
  readonly listPrice: number;

  /** Beyond the free tier, if nothing else in the account uses it. */
  readonly beyondFree: number;
}

export interface MonitoringCost {
  readonly alarmMetrics: CostItem;
  readonly dashboards: CostItem;

  /** At most: CloudWatch charges a metric only for the hours in which it has values. */
  readonly customMetrics: CostItem;

  /** Those of them that have values in every hour, even if no mail is handed over. */
  readonly customMetricsAtRest: CostItem;
}

const templateSchema = v.object({
  Resources: v.record(v.string(), v.object({ Type: v.string(), Properties: v.optional(v.unknown()) })),
});

const alarmSchema = v.object({
  Metrics: v.optional(v.array(v.object({ MetricStat: v.optional(v.unknown()) }))),
});

/**
 * What it costs to monitor one stage: CloudWatch charges for each metric of an alarm, for dashboards and for custom
 * metrics.
 *
 * @param template the monitoring stack, synthesised
 * @throws ValiError if it is no template
 * @see https://aws.amazon.com/cloudwatch/pricing/
 */
export function monitoringCost(
  template: unknown,
  { workerMetrics }: { workerMetrics: boolean },
): MonitoringCost {
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

/** Expressions are free; their metrics are not. */
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

/** The account-metrics function publishes every few minutes, and the worker the state of its rows every minute. */
function isAtRest({ source, by }: MetricDefinition): boolean {
  return source === 'account-metrics' || (source === 'worker' && by === undefined);
}

function item(count: number, price: number, free: number): CostItem {
  return { count, listPrice: count * price, beyondFree: Math.max(0, count - free) * price };
}

/**
 * List prices of eu-west-1 in US dollars, without free tiers, as of November 2025. The dashboard *Machine room* and
 * `monitoringCost` use them.
 *
 * @see https://aws.amazon.com/ses/pricing/
 * @see https://aws.amazon.com/lambda/pricing/
 * @see https://aws.amazon.com/sqs/pricing/
 * @see https://aws.amazon.com/dynamodb/pricing/on-demand/
 * @see https://aws.amazon.com/cloudwatch/pricing/
 */
export const PRICES = {
  ses: { mail: 0.1 / 1_000, gigabyte: 0.12 },
  /** On arm64. */
  lambda: { request: 0.2 / 1_000_000, gibibyteSecond: 0.0000133334 },
  /** A standard queue. */
  sqs: { request: 0.4 / 1_000_000 },
  dynamoDb: { writeUnit: 0.705 / 1_000_000, readUnit: 0.141 / 1_000_000 },
  /** By the month; the free tier is that of an account. */
  cloudWatch: {
    alarmMetric: 0.1,
    dashboard: 3,
    customMetric: 0.3,
    free: { alarmMetrics: 10, dashboards: 3, customMetrics: 10 },
  },
} as const;
