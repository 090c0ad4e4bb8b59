import { type CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';

const PERIOD_SECONDS = 60;
/** SQS publishes each minute, and a few of them later. */
const WINDOW_MS = 10 * 60 * 1000;

/**
 * How long the oldest message of a queue has been there, in seconds; undefined where CloudWatch does not know, or
 * does not tell: the age says how bad a backlog is, and must not hide that there is one.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
export async function oldestAgeSeconds(
  cloudWatch: CloudWatchClient,
  queueName: string,
  now: Date,
  signal: AbortSignal,
): Promise<number | undefined> {
  const command = new GetMetricStatisticsCommand({
    Namespace: 'AWS/SQS',
    MetricName: 'ApproximateAgeOfOldestMessage',
    Dimensions: [{ Name: 'QueueName', Value: queueName }],
    StartTime: new Date(now.getTime() - WINDOW_MS),
    EndTime: now,
    Period: PERIOD_SECONDS,
    Statistics: ['Maximum'],
  });
  try {
    const { Datapoints = [] } = await cloudWatch.send(command, { abortSignal: signal });
    const [newest] = Datapoints.toSorted(
      (one, other) => (other.Timestamp?.getTime() ?? 0) - (one.Timestamp?.getTime() ?? 0),
    );
    return newest?.Maximum;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
