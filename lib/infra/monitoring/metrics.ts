import { monitoringNames, type ResourceNames, resourceNames } from '../../common/names.ts';
import {
  METRICS,
  type MetricDefinition,
  type MetricLabel,
  type MetricName,
  metricNamespace,
  workerMetricNamespace,
} from '../../domain/metrics.ts';
import type { Settings } from '../settings.ts';

/** One metric of CloudWatch and its statistic. Plain, so that it can be used without the CDK. */
export interface MetricSpec {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: Statistic;
}

export type Statistic = 'Sum' | 'Average' | 'Maximum' | 'SampleCount' | `p${number}`;

/** The settings that metrics depend on. */
export type MetricSettings = Pick<Settings, 'project' | 'stage' | 'userName'>;

type QueueOf = 'fallback' | 'urgent' | 'held' | 'feedback' | 'receipts';

/** Normal, urgent and held mail share one dead letter queue. */
type DeadLettersOf = 'fallback' | 'feedback' | 'receipts';
type FunctionOf = 'resend' | 'feedback' | 'account-metrics';
type TableOf = 'ledger' | 'suppression';

/**
 * Every metric of one stage. Resources are found by name: a reference to the other stack would be an export, and the
 * pipeline could not change an exported resource while the monitoring uses it.
 */
export class PipelineMetrics {
  readonly #settings: MetricSettings;
  readonly #names: ResourceNames;

  constructor(settings: MetricSettings) {
    this.#settings = settings;
    this.#names = resourceNames(settings);
  }

  /** A metric that the pipeline publishes; with a label, only that value of the second dimension. */
  own<Name extends MetricName>(name: Name, statistic: Statistic, label?: MetricLabel<Name>): MetricSpec {
    const { project, stage } = this.#settings;
    const { by, source }: MetricDefinition = METRICS[name];
    const second = by === undefined || label === undefined ? {} : { [by.dimension]: String(label) };
    const namespace = source === 'worker' ? workerMetricNamespace(project) : metricNamespace(project);
    return { namespace, name, dimensions: { stage, ...second }, statistic };
  }

  /**
   * How long the oldest message has waited, in seconds. SQS leaves out messages received more than three times.
   *
   * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
   */
  oldestAge(queue: QueueOf): MetricSpec {
    return this.#ofQueue(this.#queueName(queue), 'ApproximateAgeOfOldestMessage', 'Maximum');
  }

  /** Messages that wait and are not in flight; a count. */
  waiting(queue: QueueOf): MetricSpec {
    return this.#ofQueue(this.#queueName(queue), 'ApproximateNumberOfMessagesVisible', 'Maximum');
  }

  /** Messages that were received and are neither deleted nor visible again; a count. */
  inFlight(queue: QueueOf): MetricSpec {
    return this.#ofQueue(this.#queueName(queue), 'ApproximateNumberOfMessagesNotVisible', 'Maximum');
  }

  /** Messages that were worked and deleted; a count. */
  deletedFrom(queue: QueueOf): MetricSpec {
    return this.#ofQueue(this.#queueName(queue), 'NumberOfMessagesDeleted', 'Sum');
  }

  /** Dead letters that wait for a person; a count. */
  deadLetters(queue: DeadLettersOf): MetricSpec {
    return this.#ofQueue(this.#deadLettersName(queue), 'ApproximateNumberOfMessagesVisible', 'Maximum');
  }

  /** Messages put on a queue; a count. */
  sentTo(queue: QueueOf): MetricSpec {
    return this.#ofQueue(this.#queueName(queue), 'NumberOfMessagesSent', 'Sum');
  }

  /** Polls that found nothing; a count. SQS charges for them like for others. */
  emptyReceives(queue: QueueOf): MetricSpec {
    return this.#ofQueue(this.#queueName(queue), 'NumberOfEmptyReceives', 'Sum');
  }

  /** Events that SNS could not deliver to the feedback queue and sent to its dead letter queue; a count. */
  eventsNotDelivered(): MetricSpec {
    const dimensions = { TopicName: this.#names.eventTopic };
    return { namespace: 'AWS/SNS', name: 'NumberOfNotificationsFailed', dimensions, statistic: 'Sum' };
  }

  /** Invocations of a Lambda; a count. */
  invocations(name: FunctionOf): MetricSpec {
    return this.#ofFunction(name, 'Invocations', 'Sum');
  }

  /** Invocations that failed as a whole; a count. */
  errors(name: FunctionOf): MetricSpec {
    return this.#ofFunction(name, 'Errors', 'Sum');
  }

  /** Invocations that Lambda had no capacity for; a count. */
  throttles(name: FunctionOf): MetricSpec {
    return this.#ofFunction(name, 'Throttles', 'Sum');
  }

  /** How long invocations take, in milliseconds. */
  duration(name: FunctionOf, statistic: Statistic): MetricSpec {
    return this.#ofFunction(name, 'Duration', statistic);
  }

  /** Reads that DynamoDB had no capacity for; a count. */
  readThrottles(table: TableOf): MetricSpec {
    return this.#ofTable(table, 'ReadThrottleEvents');
  }

  /** Writes that DynamoDB had no capacity for; a count. */
  writeThrottles(table: TableOf): MetricSpec {
    return this.#ofTable(table, 'WriteThrottleEvents');
  }

  /** Read units that were paid for. */
  readUnits(table: TableOf): MetricSpec {
    return this.#ofTable(table, 'ConsumedReadCapacityUnits');
  }

  /** Write units that were paid for. */
  writeUnits(table: TableOf): MetricSpec {
    return this.#ofTable(table, 'ConsumedWriteCapacityUnits');
  }

  /**
   * The share of hard bounces, from 0 to 1, as SES measures it. Of the whole account, because AWS reviews and pauses
   * accounts; the rate of a configuration set may be fine meanwhile.
   *
   * @see https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html
   */
  bounceRate(): MetricSpec {
    return ofAccount('Reputation.BounceRate');
  }

  /** The same of complaints. */
  complaintRate(): MetricSpec {
    return ofAccount('Reputation.ComplaintRate');
  }

  #queueName(queue: QueueOf): string {
    const { fallbackQueue, urgentQueue, heldQueue, feedbackQueue, receiptsQueue } = this.#names;
    return {
      fallback: fallbackQueue,
      urgent: urgentQueue,
      held: heldQueue,
      feedback: feedbackQueue,
      receipts: receiptsQueue,
    }[queue];
  }

  #deadLettersName(queue: DeadLettersOf): string {
    const { deadLetterQueue, feedbackDeadLetterQueue, receiptsDeadLetterQueue } = this.#names;
    return {
      fallback: deadLetterQueue,
      feedback: feedbackDeadLetterQueue,
      receipts: receiptsDeadLetterQueue,
    }[queue];
  }

  #ofQueue(QueueName: string, name: string, statistic: Statistic): MetricSpec {
    return { namespace: 'AWS/SQS', name, dimensions: { QueueName }, statistic };
  }

  #ofFunction(of: FunctionOf, name: string, statistic: Statistic): MetricSpec {
    const { resendFunction: resend, feedbackFunction: feedback } = this.#names;
    const FunctionName = {
      resend,
      feedback,
      'account-metrics': monitoringNames(this.#settings).accountMetricsFunction,
    }[of];
    return { namespace: 'AWS/Lambda', name, dimensions: { FunctionName }, statistic };
  }

  #ofTable(table: TableOf, name: string): MetricSpec {
    const { ledgerTable: ledger, suppressionTable: suppression } = this.#names;
    const TableName = { ledger, suppression }[table];
    return { namespace: 'AWS/DynamoDB', name, dimensions: { TableName }, statistic: 'Sum' };
  }
}

function ofAccount(name: string): MetricSpec {
  return { namespace: 'AWS/SES', name, dimensions: {}, statistic: 'Average' };
}

/**
 * Metric math for the sum of metrics that may have no data, or never had any: a queue that is not in use, a failure that
 * never happened. CloudWatch does not document whether FILL fills a metric without any value; SUM of an array ignores it
 * in any case, whereas an operator might make the whole sum disappear.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function sumOf(...ids: readonly string[]): string {
  return `SUM([${ids.map((id) => `FILL(${id}, 0)`).join(', ')}])`;
}
