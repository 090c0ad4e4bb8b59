import { Duration } from 'aws-cdk-lib';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { type QueueNames, QueueWithDeadLetters } from './queue-with-dead-letters.ts';

/**
 * A receipt may overtake the worker that is still writing its row: it is left alone and comes again after this
 * time. The user of the API cannot set another, so it is the queue's. SQS hands a receipt out 1,000 times: with five
 * minutes between, a row may be out of reach for three days.
 */
const VISIBILITY_TIMEOUT = Duration.minutes(5);

/** The way back: receipts wait here for the worker of the API, which writes them to its rows. */
export class ReceiptsQueue extends QueueWithDeadLetters {
  constructor(scope: Construct, id: string, names: QueueNames) {
    super(scope, id, { ...names, visibilityTimeout: VISIBILITY_TIMEOUT });
  }

  /** Allows reading receipts and removing those that were read, and nothing else. */
  grantRead(grantee: IGrantable): Grant {
    return this.queue.grant(grantee, 'sqs:ReceiveMessage', 'sqs:DeleteMessage');
  }

  /** Allows telling what became of a mail. */
  grantPush(grantee: IGrantable): Grant {
    return this.grantSend(grantee);
  }
}
