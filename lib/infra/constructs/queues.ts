import { Duration, type RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue, QueueEncryption, RedrivePermission } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { FEEDBACK_VISIBILITY_SECONDS } from '../../../lambda/feedback/constants.ts';
import { FALLBACK_VISIBILITY_SECONDS } from '../../../lambda/resend/constants.ts';
import { MAX_QUEUE_MESSAGE_BYTES, MAX_RECEIVE_COUNT, QUEUE_RETENTION_DAYS } from '../../domain/limits.ts';
import type { EventTopic } from './event-topic.ts';

interface CommonProps {
  readonly queueName: string;

  /** Whether the queues, and the mail in them, are deleted with their stack. */
  readonly removalPolicy: RemovalPolicy;
}

interface OwnDeadLetters {
  readonly deadLetterQueueName: string;

  /**
   * The names of the other queues whose dead letters go there.
   *
   * @default none
   */
  readonly otherSources?: readonly string[];
}

interface SharedDeadLetters {
  /** The queue whose dead letter queue this one shares. It names this one among its other sources. */
  readonly deadLettersOf: QueueWithDeadLetters;
}

export type QueueProps = CommonProps & OwnDeadLetters;

export type QueueWithDeadLettersProps = CommonProps &
  (OwnDeadLetters | SharedDeadLetters) & {
    /** How long a received message stays in flight. */
    readonly visibilityTimeout: Duration;
  };

/**
 * What all queues of the pipeline have in common: encrypted, TLS only, the longest retention of SQS, and a dead letter
 * queue for what a person must decide.
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
      // Explicit, because tools still assume the old limit of 256 KiB.
      maxMessageSizeBytes: MAX_QUEUE_MESSAGE_BYTES,
      removalPolicy: props.removalPolicy,
    };
    this.deadLetterQueue =
      'deadLettersOf' in props
        ? props.deadLettersOf.deadLetterQueue
        : new Queue(this, 'DeadLetterQueue', {
            ...common,
            queueName: props.deadLetterQueueName,
            redriveAllowPolicy: {
              redrivePermission: RedrivePermission.BY_QUEUE,
              sourceQueues: [props.queueName, ...(props.otherSources ?? [])].map((name) =>
                this.queueByName(name),
              ),
            },
          });
    this.queue = new Queue(this, 'Queue', {
      ...common,
      queueName: props.queueName,
      visibilityTimeout: props.visibilityTimeout,
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: MAX_RECEIVE_COUNT },
    });
  }

  /** Allows sending messages, single or in batches: one action covers both calls. */
  grantSend(grantee: IGrantable): Grant {
    return this.queue.grant(grantee, 'sqs:SendMessage');
  }

  /** Allows consuming the queue from a Lambda and setting the visibility timeout of a message. */
  grantConsume(grantee: IGrantable): Grant {
    return this.queue.grant(
      grantee,
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:ChangeMessageVisibility',
      'sqs:GetQueueAttributes',
    );
  }

  /** Allows sending a message to the dead letter queue, with its cause. */
  grantDeadLetter(grantee: IGrantable): Grant {
    return this.deadLetterQueue.grant(grantee, 'sqs:SendMessage');
  }

  /** A queue and that of its dead letters refer to each other, so one of them by name before it exists. */
  private queueByName(queueName: string): ReturnType<typeof Queue.fromQueueArn> {
    const arn = Stack.of(this).formatArn({ service: 'sqs', resource: queueName });
    return Queue.fromQueueArn(this, `Source-${queueName}`, arn);
  }
}

/**
 * A queue that envelopes wait in for the resend Lambda, and the dead letters of mail that could not be sent. A
 * message is received often enough for the retry schedule to outlast the retention of the queue. There are three, with
 * the same dead letters: normal mail, urgent mail, and mail that the Lambda holds.
 */
export class FallbackQueue extends QueueWithDeadLetters {
  constructor(scope: Construct, id: string, props: CommonProps & (OwnDeadLetters | SharedDeadLetters)) {
    super(scope, id, { ...props, visibilityTimeout: Duration.seconds(FALLBACK_VISIBILITY_SECONDS) });
  }
}

export interface FeedbackQueueProps extends QueueProps {
  /** Where SES publishes its events; nothing else may put messages on the queue. */
  readonly eventTopic: EventTopic;
}

/**
 * The queue that SES's events wait in for the feedback Lambda. What SNS cannot deliver to it goes to the same dead
 * letters as what the Lambda cannot apply: each is an event, and a person looks in one place.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
 */
export class FeedbackQueue extends QueueWithDeadLetters {
  constructor(scope: Construct, id: string, { eventTopic, ...props }: FeedbackQueueProps) {
    super(scope, id, { ...props, visibilityTimeout: Duration.seconds(FEEDBACK_VISIBILITY_SECONDS) });
    const subscription = new SqsSubscription(this.queue, {
      rawMessageDelivery: true,
      deadLetterQueue: this.deadLetterQueue,
    });
    eventTopic.topic.addSubscription(subscription);
  }

  /** Allows asking how many events wait, and neither reading nor removing any. */
  grantCount(grantee: IGrantable): Grant {
    return this.queue.grant(grantee, 'sqs:GetQueueAttributes');
  }
}

/**
 * A receipt may overtake the worker that is still writing its row: it is left alone and comes again after this
 * time. The user of the API cannot set another, so it is the queue's. SQS hands a receipt out 1,000 times: with five
 * minutes between, a row may be out of reach for three days.
 */
const VISIBILITY_TIMEOUT = Duration.minutes(5);

/** The way back: receipts wait here for the worker of the API, which writes them to its rows. */
export class ReceiptsQueue extends QueueWithDeadLetters {
  constructor(scope: Construct, id: string, props: QueueProps) {
    super(scope, id, { ...props, visibilityTimeout: VISIBILITY_TIMEOUT });
  }

  /** Allows reading and deleting receipts, and nothing else. */
  grantRead(grantee: IGrantable): Grant {
    return this.queue.grant(grantee, 'sqs:ReceiveMessage', 'sqs:DeleteMessage');
  }

  /** Allows publishing receipts. */
  grantPublish(grantee: IGrantable): Grant {
    return this.grantSend(grantee);
  }
}
