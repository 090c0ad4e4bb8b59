import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqsRedelivery } from '../../../lib/adapters/sqs/sqs-redelivery.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { takeAll } from '../../support/queue-contents.ts';

describe('the redelivery', () => {
  let aws: SqsAndS3;
  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 600 });
  });
  afterEach(() => aws.close());

  /** Receives a message as a function does. */
  async function received({ url, arn }: LocalQueue) {
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'mail' }));
    const { Messages = [] } = await aws.sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
    const [{ MessageId = '', ReceiptHandle = '' } = {}] = Messages;
    return { messageId: MessageId, receiptHandle: ReceiptHandle, eventSourceARN: arn };
  }

  it.each<[string, (aws: SqsAndS3) => LocalQueue]>([
    ['normal', ({ fallback }) => fallback],
    ['urgent', ({ urgent }) => urgent],
    ['held', ({ held }) => held],
  ])('brings a message back in the queue that it came from: %s', async (_which, choose) => {
    const queue = choose(aws);
    const record = await received(queue);
    expect(await takeAll(aws, queue)).toEqual([]);

    await new SqsRedelivery(aws.sqs, aws.fallback.url, 5_000).postpone(record, 0);

    expect(await takeAll(aws, queue)).toHaveLength(1);
  });

  it('fails if the queue does not confirm it', async () => {
    const record = await received(aws.urgent);
    const redelivery = new SqsRedelivery(aws.sqs, aws.fallback.url, 5_000);

    await expect(redelivery.postpone({ ...record, eventSourceARN: aws.fallback.arn }, 0)).rejects.toThrow();
  });
});
