import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqsDeadLetters } from '../../../lib/adapters/sqs/sqs-dead-letters.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { takeAll } from '../../support/queue-contents.ts';

describe('the dead letters', () => {
  let aws: SqsAndS3;

  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
  });

  afterEach(async () => {
    await aws.close();
  });

  it('have the reason in the characters that SQS accepts', async () => {
    const deadLetters = new SqsDeadLetters(aws.sqs, aws.deadLetters.url, 5_000);

    await deadLetters.park('body', { cause: 'odd', detail: 'a\0b\ud800c\ufffed\n', deliveryId: '' });

    const [deadLetter] = await takeAll(aws, aws.deadLetters);
    expect(deadLetter?.MessageAttributes).toMatchObject({
      cause: { StringValue: 'odd' },
      detail: { StringValue: 'a b c d ' },
      deliveryId: { StringValue: '-' },
    });
  });
});
