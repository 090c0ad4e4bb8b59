import { describe, expect, it } from '@jest/globals';
import {
  METRICS,
  type MetricDefinition,
  metricNamespace,
  workerMetricNamespace,
} from '../../../lib/domain/metrics.ts';
import { synthesise } from '../synthesise.ts';
import { dashboardsIn, type LookedAt, metricsOfAlarms, metricsOfDashboard } from './metrics-in.ts';

const STAGE = 'prod';
const { monitoring, pipeline } = synthesise({
  stage: STAGE,
  alarms: 'all',
  accountMonitoring: STAGE,
  workerMetrics: 'true',
});

const lookedAt = [...metricsOfAlarms(monitoring), ...dashboardsIn(monitoring).flatMap(metricsOfDashboard)];

const nameOf = ({ metric: { namespace, name, dimensions }, statistic }: LookedAt) =>
  `${namespace} ${name} ${JSON.stringify(dimensions)} ${statistic}`;

const unique = [...new Map(lookedAt.map((metric) => [nameOf(metric), metric])).entries()];
const own = unique.filter(([, { metric }]) => metric.namespace.startsWith('keybuzz/'));
const ofAws = unique.filter(([, { metric }]) => !metric.namespace.startsWith('keybuzz/'));

/** How values of a unit can be summed up and still mean something. */
const STATISTICS = {
  Count: /^(Sum|Maximum|SampleCount)$/,
  Bytes: /^Sum$/,
  Seconds: /^Maximum$/,
  Milliseconds: /^p\d+$/,
  Percent: /^Maximum$/,
  None: /^Maximum$/,
} as const;

/** What AWS publishes, by the dimension that it is found by. */
const OF_AWS: Readonly<Record<string, { readonly dimension?: string; readonly names: readonly string[] }>> = {
  'AWS/SQS': {
    dimension: 'QueueName',
    names: [
      'ApproximateAgeOfOldestMessage',
      'ApproximateNumberOfMessagesVisible',
      'ApproximateNumberOfMessagesNotVisible',
      'NumberOfMessagesSent',
      'NumberOfMessagesDeleted',
      'NumberOfEmptyReceives',
    ],
  },
  'AWS/Lambda': { dimension: 'FunctionName', names: ['Invocations', 'Errors', 'Throttles', 'Duration'] },
  'AWS/DynamoDB': {
    dimension: 'TableName',
    names: [
      'ReadThrottleEvents',
      'WriteThrottleEvents',
      'ConsumedReadCapacityUnits',
      'ConsumedWriteCapacityUnits',
    ],
  },
  'AWS/SNS': { dimension: 'TopicName', names: ['NumberOfNotificationsFailed'] },
  'AWS/SES': { names: ['Reputation.BounceRate', 'Reputation.ComplaintRate'] },
};

/** The names of what is deployed, by the dimension that AWS gives them. */
function deployedNames(dimension: string): readonly unknown[] {
  return [pipeline, monitoring].flatMap((template) =>
    Object.values(template.toJSON().Resources).map(
      (resource) => (resource as { Properties: Record<string, unknown> }).Properties?.[dimension],
    ),
  );
}

describe('the metrics of dashboards and alarms', () => {
  it('are of both kinds', () => {
    expect(own.length).toBeGreaterThan(40);
    expect(ofAws.length).toBeGreaterThan(20);
  });

  it.each(own)('are counted by somebody, under that name and with that value: %s', (_name, { metric }) => {
    const { stage, ...others } = metric.dimensions;
    const definition: MetricDefinition | undefined = Object.entries(METRICS).find(
      ([name]) => name === metric.name,
    )?.[1];
    const namespace = definition?.source === 'worker' ? workerMetricNamespace : metricNamespace;
    expect(stage).toBe(STAGE);
    expect(metric.namespace).toBe(namespace('keybuzz'));
    const { dimension, values = [], total = true } = definition?.by ?? {};
    const [[other, value] = []] = Object.entries(others);
    if (other === undefined) return expect(total).toBe(true);
    expect(other).toBe(dimension);
    expect(values).toContain(value);
  });

  it.each(own)('are summed up so that the unit keeps its sense: %s', (_name, { metric, statistic }) => {
    const definition = Object.entries(METRICS).find(([name]) => name === metric.name)?.[1];
    expect(statistic).toMatch(STATISTICS[definition?.unit ?? 'None']);
  });

  it.each(ofAws)('are published by AWS, of what is deployed: %s', (_name, { metric }) => {
    const { dimension, names = [] } = OF_AWS[metric.namespace] ?? {};
    expect(names).toContain(metric.name);
    expect(Object.keys(metric.dimensions)).toEqual(dimension === undefined ? [] : [dimension]);
    if (dimension !== undefined) expect(deployedNames(dimension)).toContain(metric.dimensions[dimension]);
  });

  it('leave nothing out that is counted', () => {
    const seen = new Set(own.map(([, { metric }]) => metric.name));
    expect(Object.keys(METRICS).filter((name) => !seen.has(name))).toEqual([
      'DeadLettered',
      // Mail that SMTP did not accept is handed over, by the same class.
      'SmtpFailed',
    ]);
  });
});
