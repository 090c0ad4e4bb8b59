import * as v from 'valibot';
import { METRICS, type MetricDefinition } from '../../domain/metrics.ts';

/** What one kind of thing costs in a month, in US dollars. */
interface CostItem {
  readonly count: number;
  readonly listPrice: number;

  /** Beyond what is free, where nothing else in the account uses that up. */
  readonly beyondFree: number;
}

export interface MonitoringCost {
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
 * what it costs to monitor one stage: CloudWatch charges for each metric of an alarm, for dashboards, and for metrics that
 * it did not bring itself.
 *
 * @param template the monitoring stack, synthesised
 * @throws ValiError for what is no template
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

/** The account-metrics function looks every few minutes; the worker tells of its rows each minute, and of mail that comes. */
function isAtRest({ source, by }: MetricDefinition): boolean {
  return source === 'account-metrics' || (source === 'worker' && by === undefined);
}

function item(count: number, price: number, free: number): CostItem {
  return { count, listPrice: count * price, beyondFree: Math.max(0, count - free) * price };
}

/**
 * List prices in US dollars of eu-west-1, without the free tiers. As of November 2025; when they have changed, the
 * dashboard of the machine room and `monitoringCost` follow this file.
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
  /** By the month; of what is free, each account has once. */
  cloudWatch: {
    alarmMetric: 0.1,
    dashboard: 3,
    customMetric: 0.3,
    free: { alarmMetrics: 10, dashboards: 3, customMetrics: 10 },
  },
} as const;
