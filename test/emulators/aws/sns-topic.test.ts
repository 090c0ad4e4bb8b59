import { type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LocalTopic } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { runDouble, send } from '../ses/running-double.ts';

describe('a topic with a subscribed queue', () => {
  let aws: SqsAndS3;
  let queue: LocalQueue;
  let topic: LocalTopic;
  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    queue = await aws.createQueue('feedback');
    topic = await aws.createTopic('ses-events', { subscriber: queue });
  });
  afterEach(() => aws.close());

  async function receive(waitSeconds = 0): Promise<Message[]> {
    const { Messages } = await aws.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queue.url,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: waitSeconds,
      }),
    );
    return Messages ?? [];
  }

  it('delivers messages unchanged, without the SNS envelope', async () => {
    const text = JSON.stringify({ eventType: 'Send', subject: 'Grüße & <b> + % 你好 😀' });
    await topic.publish(text);
    expect((await receive()).map(({ Body }) => Body)).toEqual([text]);
  });

  it('delivers the events of SES to the queue', async () => {
    const running = await runDouble({
      configurationSets: ['mail'],
      onEvent: (event) => topic.publish(JSON.stringify(event)),
    });
    const to = ['a@example.net', 'complaint@simulator.amazonses.com'];
    await send(running, 'v1', { configurationSet: 'mail', to });
    await running.double.eventsSettled();
    const received = (await receive()).map(({ Body }) => JSON.parse(Body ?? ''));
    expect(received).toHaveLength(4);
    expect(received).toEqual(expect.arrayContaining([...running.double.events]));
  });

  it('has an ARN in the Region of the queues', () => {
    expect(topic.arn).toBe('arn:aws:sns:eu-west-1:000000000000:ses-events');
  });

  it('delivers each published text, even if it is repeated', async () => {
    await Promise.all(['a', 'b', 'b'].map((text) => topic.publish(text)));
    expect((await receive()).map(({ Body }) => Body).sort()).toEqual(['a', 'b', 'b']);
  });

  it('does not deliver to other queues', async () => {
    const other = await aws.createQueue('other');
    await aws.createTopic('other-events', { subscriber: other });
    await topic.publish('for feedback');
    const { Messages } = await aws.sqs.send(new ReceiveMessageCommand({ QueueUrl: other.url }));
    expect(Messages ?? []).toEqual([]);
    expect(await receive()).toHaveLength(1);
  });

  it('completes a long poll', async () => {
    const arrived = aws.arrival({ action: 'ReceiveMessage' });
    const polling = receive(20);
    await arrived;
    await topic.publish('late');
    expect((await polling).map(({ Body }) => Body)).toEqual(['late']);
  });

  it('delivers while all calls of the pipeline fail', async () => {
    aws.fault({ fault: { kind: 'denied' } });
    await topic.publish('through');
    aws.heal();
    expect(await receive()).toHaveLength(1);
  });

  it('rejects what SNS rejects, without quoting it', async () => {
    const tooLong = 'x'.repeat(256 * 1024 + 1);
    await expect(topic.publish(tooLong)).rejects.toThrow(/^SNS refused Publish: 400 InvalidParameter$/);
    expect(await receive()).toEqual([]);
  });
});
