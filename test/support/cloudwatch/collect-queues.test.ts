import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { QueueCollector } from './collect-queues.ts';
import type { Observation } from './metric-store.ts';

describe('the metrics of a queue', () => {
  let aws: SqsAndS3;
  let collector: QueueCollector;
  let seen: Observation[];

  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    seen = [];
    collector = new QueueCollector({
      endpoint: aws.endpoint,
      queues: [{ localName: 'fallback', name: 'keybuzz-mail-fallback-dev' }],
      observe: (observation) => seen.push(observation),
    });
    aws.subscribe((call) => collector.called(call));
  });

  afterEach(() => aws.close());

  async function sample(nowMs = Date.now()): Promise<Record<string, number | undefined>> {
    seen.length = 0;
    await collector.sample(nowMs);
    return Object.fromEntries(seen.map(({ name, values }) => [name, values[0]]));
  }

  async function send(): Promise<void> {
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.fallback.url, MessageBody: 'any' }));
  }

  /** @returns the handle of the message */
  async function receive(visibilitySeconds = 30): Promise<string | undefined> {
    const { Messages = [] } = await aws.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: aws.fallback.url, VisibilityTimeout: visibilitySeconds }),
    );
    return Messages[0]?.ReceiptHandle;
  }

  it('are those of AWS, under the name of the deployed queue', async () => {
    await send();
    await sample();

    expect(seen).toContainEqual(
      expect.objectContaining({
        namespace: 'AWS/SQS',
        name: 'ApproximateNumberOfMessagesVisible',
        dimensions: { QueueName: 'keybuzz-mail-fallback-dev' },
        unit: 'Count',
      }),
    );
  });

  it('are all zero for an empty queue', async () => {
    expect(new Set(Object.values(await sample()))).toEqual(new Set([0]));
  });

  it('report visible and in-flight messages, and those sent and deleted since the last sample', async () => {
    for (let count = 0; count < 3; count += 1) await send();
    const ReceiptHandle = await receive();
    await aws.sqs.send(new DeleteMessageCommand({ QueueUrl: aws.fallback.url, ReceiptHandle }));
    await receive();

    expect(await sample()).toMatchObject({
      ApproximateNumberOfMessagesVisible: 1,
      ApproximateNumberOfMessagesNotVisible: 1,
      NumberOfMessagesSent: 3,
      NumberOfMessagesDeleted: 1,
    });
    expect(await sample()).toMatchObject({ NumberOfMessagesSent: 0, NumberOfMessagesDeleted: 0 });
  });

  it('count what a topic has published to the queue', async () => {
    collector.published('fallback');

    expect(await sample()).toMatchObject({ NumberOfMessagesSent: 1 });
  });

  it('report the age of the oldest message, in seconds', async () => {
    await send();

    const { ApproximateAgeOfOldestMessage: age = 0 } = await sample(Date.now() + 60_000);

    expect(age).toBeGreaterThanOrEqual(60);
  });

  it('omit from the age what was received more than three times, like SQS', async () => {
    await send();
    for (let count = 0; count < 3; count += 1) await receive(0);
    const { ApproximateAgeOfOldestMessage: before } = await sample(Date.now() + 60_000);
    await receive(0);
    const { ApproximateAgeOfOldestMessage: after } = await sample(Date.now() + 60_000);

    expect(before).toBeGreaterThanOrEqual(60);
    expect(after).toBe(0);
  });
});
