import { Duration, Stack } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { Queue, QueueEncryption, RedrivePermission } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { FALLBACK_VISIBILITY_SECONDS } from '../../lambda/resend/constants.ts';
import { MAX_QUEUE_MESSAGE_BYTES, MAX_RECEIVE_COUNT, QUEUE_RETENTION_DAYS } from '../message/limits.ts';

export interface FallbackQueueProps {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
}

/**
 * The queue that envelopes wait in for the resend Lambda, and the dead letters that a person looks at.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
 */
export class FallbackQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, props: FallbackQueueProps) {
    super(scope, id);
    const common = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(QUEUE_RETENTION_DAYS),
      // Said explicitly, since tools still take 256 KiB for the default and the limit.
      maxMessageSizeBytes: MAX_QUEUE_MESSAGE_BYTES,
    };
    this.deadLetterQueue = new Queue(this, 'DeadLetterQueue', {
      ...common,
      queueName: props.deadLetterQueueName,
      redriveAllowPolicy: {
        redrivePermission: RedrivePermission.BY_QUEUE,
        sourceQueues: [this.queueByName(props.queueName)],
      },
    });
    this.queue = new Queue(this, 'Queue', {
      ...common,
      queueName: props.queueName,
      visibilityTimeout: Duration.seconds(FALLBACK_VISIBILITY_SECONDS),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: MAX_RECEIVE_COUNT },
    });
  }

  /** Allows putting envelopes on the queue, singly or in batches: one action covers both calls. */
  grantSend(grantee: IGrantable): Grant {
    return this.queue.grant(grantee, 'sqs:SendMessage');
  }

  /** Allows working the queue from a Lambda, and setting the time of the next try of a message. */
  grantConsume(grantee: IGrantable): Grant {
    return this.queue.grant(
      grantee,
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:ChangeMessageVisibility',
      'sqs:GetQueueAttributes',
    );
  }

  /** Allows parking an envelope that cannot be sent, with its reason, among the dead letters. */
  grantPark(grantee: IGrantable): Grant {
    return this.deadLetterQueue.grant(grantee, 'sqs:SendMessage');
  }

  /** How long the oldest envelope has been waiting, in seconds; the maximum over five minutes. */
  metricOldestAge(options?: MetricOptions): Metric {
    return this.queue.metricApproximateAgeOfOldestMessage(options);
  }

  /** Envelopes that are waiting and that no one works on; the maximum over five minutes. */
  metricWaiting(options?: MetricOptions): Metric {
    return this.queue.metricApproximateNumberOfMessagesVisible(options);
  }

  /** Dead letters that wait for a person; the maximum over five minutes. */
  metricDeadLetters(options?: MetricOptions): Metric {
    return this.deadLetterQueue.metricApproximateNumberOfMessagesVisible(options);
  }

  /** The two queues name each other, so one of them must be named before it exists. */
  private queueByName(queueName: string): ReturnType<typeof Queue.fromQueueArn> {
    const arn = Stack.of(this).formatArn({ service: 'sqs', resource: queueName });
    return Queue.fromQueueArn(this, 'SourceQueue', arn);
  }
}
