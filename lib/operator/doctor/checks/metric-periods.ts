import { type CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';

const PERIOD_SECONDS = 5 * 60;
export const PERIOD_MS = PERIOD_SECONDS * 1000;

export interface AskedMetric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** Of periods; an earlier time counts as the beginning of its period. */
  readonly from: Date;
  readonly to: Date;
}

/** What was counted in five minutes. */
export interface MetricPeriod {
  /** Its beginning. */
  readonly at: Date;
  readonly sum: number;
}

/**
 * What a metric counted, by periods of five minutes, oldest first. Periods in which nothing was counted are left out;
 * so a metric that never was has none.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
 * @throws what the SDK throws
 */
export async function metricPeriods(
  client: CloudWatchClient,
  { namespace, name, dimensions, from, to }: AskedMetric,
  signal: AbortSignal,
): Promise<MetricPeriod[]> {
  const command = new GetMetricStatisticsCommand({
    Namespace: namespace,
    MetricName: name,
    Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
    StartTime: new Date(Math.floor(from.getTime() / PERIOD_MS) * PERIOD_MS),
    EndTime: to,
    Period: PERIOD_SECONDS,
    Statistics: ['Sum'],
  });
  const { Datapoints = [] } = await client.send(command, { abortSignal: signal });
  return Datapoints.flatMap(({ Timestamp, Sum = 0 }) =>
    Timestamp === undefined || Sum === 0 ? [] : [{ at: Timestamp, sum: Sum }],
  ).toSorted((one, other) => one.at.getTime() - other.at.getTime());
}
