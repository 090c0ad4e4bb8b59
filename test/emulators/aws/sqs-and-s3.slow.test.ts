import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';

describe('SQS and S3 on this machine', () => {
  let aws: SqsAndS3;
  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30, maxReceiveCount: 2 });
  });
  afterEach(() => aws.close());

  async function receive(
    options: { url?: string; waitSeconds?: number; visibilitySeconds?: number } = {},
  ): Promise<Message[]> {
    const received = await aws.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: options.url ?? aws.fallback.url,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: options.waitSeconds ?? 0,
        VisibilityTimeout: options.visibilitySeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    return received.Messages ?? [];
  }

  const send = (body: string) =>
    aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.fallback.url, MessageBody: body }));

  /** When it ends, everything sent to the emulator before has arrived. */
  const roundTrip = () => receive({ url: aws.deadLetters.url });

  it('delivers a message, keeps it in flight, and removes it when deleted', async () => {
    await send('hello');
    const [message] = await receive();
    expect(message?.Body).toBe('hello');
    expect(message?.Attributes).toMatchObject({ ApproximateReceiveCount: '1' });
    expect(await receive()).toEqual([]);
    await aws.sqs.send(
      new DeleteMessageCommand({ QueueUrl: aws.fallback.url, ReceiptHandle: message?.ReceiptHandle }),
    );
    const { Attributes } = await aws.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: aws.fallback.url, AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
      VisibilityTimeout: '30',
      MaximumMessageSize: '1048576',
    });
  });

  it('redelivers a message after its visibility timeout, and then moves it to the dead-letter queue', async () => {
    await send('hello');
    const [first] = await receive({ visibilitySeconds: 1 });
    const [second] = await receive({ waitSeconds: 5 });
    expect(second?.MessageId).toBe(first?.MessageId);
    expect(second?.Attributes).toMatchObject({ ApproximateReceiveCount: '2' });
    await aws.sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: aws.fallback.url,
        ReceiptHandle: second?.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    expect(await receive()).toEqual([]);
    expect(await receive({ url: aws.deadLetters.url })).toMatchObject([{ Body: 'hello' }]);
  });

  it('accepts a message of 1 MiB and no more', async () => {
    const body = 'x'.repeat(1024 * 1024);
    await send(body);
    expect((await receive())[0]?.Body).toBe(body);
    await expect(send(`${body}x`)).rejects.toThrow(/shorter than 1048576 bytes/);
  });

  it('rejects a delay of more than 15 minutes, like SQS', async () => {
    const entry = { MessageBody: 'hello', DelaySeconds: 901 };
    await expect(
      aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.fallback.url, ...entry })),
    ).rejects.toThrow(/DelaySeconds must be >= 0 and <= 900/);
  });

  it('rejects it of a batch for its entry alone, and the whole batch if there is no such queue', async () => {
    const Entries = [
      { Id: 'now', MessageBody: 'hello' },
      { Id: 'late', MessageBody: 'hello', DelaySeconds: 901 },
    ];
    const sent = await aws.sqs.send(new SendMessageBatchCommand({ QueueUrl: aws.fallback.url, Entries }));
    expect(sent.Successful).toMatchObject([{ Id: 'now' }]);
    expect(sent.Failed).toMatchObject([{ Id: 'late', SenderFault: true, Code: 'InvalidParameterValue' }]);
    expect((await receive()).map(({ Body }) => Body)).toEqual(['hello']);
    await expect(
      aws.sqs.send(new SendMessageBatchCommand({ QueueUrl: `${aws.fallback.url}-old`, Entries })),
    ).rejects.toThrow(/queue does not exist/i);
  });

  it('keeps the message group of a standard queue', async () => {
    await aws.sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: aws.fallback.url,
        Entries: [
          { Id: 'a', MessageBody: 'a', MessageGroupId: 'tenant-1' },
          { Id: 'b', MessageBody: 'b' },
        ],
      }),
    );
    await aws.sqs.send(
      new SendMessageCommand({ QueueUrl: aws.fallback.url, MessageBody: 'c', MessageGroupId: 'tenant-2' }),
    );
    const groups = (await receive()).map(({ Body, Attributes }) => [Body, Attributes?.MessageGroupId]);
    expect(groups).toEqual([
      ['a', 'tenant-1'],
      ['b', undefined],
      ['c', 'tenant-2'],
    ]);
  });

  it('is reached by a client that connects to the host of the queue URL', async () => {
    const client = new SQSClient({
      endpoint: aws.endpoint,
      region: aws.region,
      credentials: aws.credentials,
    });
    await client.send(new SendMessageCommand({ QueueUrl: aws.fallback.url, MessageBody: 'hello' }));
    client.destroy();
    expect(new URL(aws.fallback.url).origin).toBe(aws.endpoint);
    expect(await receive()).toHaveLength(1);
  });

  it('completes a long poll when a message arrives', async () => {
    const polling = receive({ waitSeconds: 20 });
    await send('hello');
    expect(await polling).toHaveLength(1);
  });

  it('does not deliver a message to an aborted long poll', async () => {
    const aborting = new AbortController();
    const arrived = aws.arrival({ action: 'ReceiveMessage' });
    const polling = aws.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: aws.fallback.url, WaitTimeSeconds: 20 }),
      { abortSignal: aborting.signal },
    );
    await arrived;
    await roundTrip();
    aborting.abort();
    await expect(polling).rejects.toThrow(/abort/i);
    await roundTrip();
    await send('hello');
    expect(await receive({ waitSeconds: 5 })).toMatchObject([{ Body: 'hello' }]);
  });

  it('creates more queues', async () => {
    const receipts = await aws.createQueue('receipts');
    expect(receipts.arn).toBe('arn:aws:sqs:eu-west-1:000000000000:receipts');
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: receipts.url, MessageBody: 'sent' }));
    expect(await receive({ url: receipts.url })).toHaveLength(1);
  });

  it('keeps a payload of 40 MB', async () => {
    const content = Buffer.alloc(40_000_000, 'mail');
    await aws.s3.send(new PutObjectCommand({ Bucket: aws.bucket, Key: 'payloads/1', Body: content }));
    const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket: aws.bucket, Key: 'payloads/1' }));
    expect(content.equals((await Body?.transformToByteArray()) ?? Buffer.of())).toBe(true);
  });

  it('closes during a long poll', async () => {
    const arrived = aws.arrival({ action: 'ReceiveMessage' });
    const waiting = receive({ waitSeconds: 20 }).catch((error: unknown) => error);
    await arrived;
    await aws.close();
    expect(await waiting).not.toBeInstanceOf(Array);
    aws = await startSqsAndS3({ visibilitySeconds: 1 });
  });
});
