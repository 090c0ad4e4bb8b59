import { Duration, Stack } from 'aws-cdk-lib';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { Queue, QueueEncryption, RedrivePermission } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { MAX_QUEUE_MESSAGE_BYTES, MAX_RECEIVE_COUNT, QUEUE_RETENTION_DAYS } from '../message/limits.ts';

export interface QueueNames {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
}

export interface QueueWithDeadLettersProps extends QueueNames {
  /** How long a message that was handed out stays hidden from others. */
  readonly visibilityTimeout: Duration;
}

/**
 * What all queues of the pipeline have in common: encrypted, over TLS alone, kept for as long as SQS can, and with
 * a queue beside it for what a person has to look at.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
 */
export class QueueWithDeadLetters extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, props: QueueWithDeadLettersProps) {
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
      visibilityTimeout: props.visibilityTimeout,
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: MAX_RECEIVE_COUNT },
    });
  }

  /** Allows putting messages on the queue, singly or in batches: one action covers both calls. */
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

  /** Allows parking a message among the dead letters, with the reason why it cannot be worked. */
  grantPark(grantee: IGrantable): Grant {
    return this.deadLetterQueue.grant(grantee, 'sqs:SendMessage');
  }

  /** The two queues name each other, so one of them must be named before it exists. */
  private queueByName(queueName: string): ReturnType<typeof Queue.fromQueueArn> {
    const arn = Stack.of(this).formatArn({ service: 'sqs', resource: queueName });
    return Queue.fromQueueArn(this, 'SourceQueue', arn);
  }
}
