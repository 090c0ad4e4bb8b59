import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { FALLBACK_VISIBILITY_SECONDS } from '../../lambda/resend/constants.ts';
import { type QueueNames, QueueWithDeadLetters } from './queue-with-dead-letters.ts';

/**
 * The queue that envelopes wait in for the resend Lambda, and the dead letters of mail that could not be sent. A
 * message is received often enough for the retry schedule to outlast the retention of the queue.
 */
export class FallbackQueue extends QueueWithDeadLetters {
  constructor(scope: Construct, id: string, names: QueueNames) {
    super(scope, id, { ...names, visibilityTimeout: Duration.seconds(FALLBACK_VISIBILITY_SECONDS) });
  }
}
