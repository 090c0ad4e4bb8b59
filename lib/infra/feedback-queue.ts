import { Duration } from 'aws-cdk-lib';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { FEEDBACK_VISIBILITY_SECONDS } from '../../lambda/feedback/constants.ts';
import type { EventTopic } from './event-topic.ts';
import { type QueueNames, QueueWithDeadLetters } from './queue-with-dead-letters.ts';

export interface FeedbackQueueProps extends QueueNames {
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
  constructor(scope: Construct, id: string, { eventTopic, ...names }: FeedbackQueueProps) {
    super(scope, id, { ...names, visibilityTimeout: Duration.seconds(FEEDBACK_VISIBILITY_SECONDS) });
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
