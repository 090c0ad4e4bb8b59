import { GetObjectCommand, HeadBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';

const sqsCalls = { service: 'sqs', action: 'SendMessage' };
const s3Calls = { service: 's3', action: 'PutObject' };

describe('AWS that fails', () => {
  let aws: SqsAndS3;
  let sqs: SQSClient;
  let s3: S3Client;
  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    // One attempt, so that a test sees each response and not the result of the SDK's retries.
    sqs = new SQSClient({ ...access(), maxAttempts: 1, useQueueUrlAsEndpoint: false });
    s3 = new S3Client({ ...access(), maxAttempts: 1, forcePathStyle: true });
  });
  afterEach(async () => {
    sqs.destroy();
    s3.destroy();
    await aws.close();
  });

  const access = () => ({ endpoint: aws.endpoint, region: aws.region, credentials: aws.credentials });
  const send = (client = sqs, signal?: AbortSignal) =>
    client.send(
      new SendMessageCommand({ QueueUrl: aws.fallback.url, MessageBody: 'hello' }),
      signal ? { abortSignal: signal } : {},
    );
  const put = (client = s3) =>
    client.send(new PutObjectCommand({ Bucket: aws.bucket, Key: 'payloads/1', Body: 'mail' }));
  const bodies = async () => {
    const { Messages } = await aws.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: aws.fallback.url, MaxNumberOfMessages: 10 }),
    );
    return (Messages ?? []).map(({ Body }) => Body);
  };

  it.each([
    [500, 'InternalError'],
    [503, 'ServiceUnavailable'],
  ] as const)('responds with %s', async (status, name) => {
    aws.fault({ fault: { kind: 'error', status } });
    const failure = { name, $metadata: { httpStatusCode: status } };
    await expect(send()).rejects.toMatchObject(failure);
    await expect(put()).rejects.toMatchObject(failure);
    aws.heal();
    await send();
    expect(await bodies()).toEqual(['hello']);
  });

  it('throttles each service with its own error code', async () => {
    aws.fault({ fault: { kind: 'throttle' } });
    await expect(send()).rejects.toMatchObject({ name: 'RequestThrottled' });
    await expect(put()).rejects.toMatchObject({ name: 'SlowDown' });
  });

  it('denies access', async () => {
    aws.fault({ fault: { kind: 'denied' } });
    await expect(send()).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(put()).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('resets the connection before the call took effect', async () => {
    aws.fault({ fault: { kind: 'reset', done: false }, on: sqsCalls, times: 1 });
    await expect(send()).rejects.toThrow('ECONNRESET');
    expect(await bodies()).toEqual([]);
  });

  it('resets the connection after the call took effect', async () => {
    aws.fault({ fault: { kind: 'reset', done: true }, on: sqsCalls, times: 1 });
    await expect(send()).rejects.toThrow('ECONNRESET');
    expect(await bodies()).toEqual(['hello']);
    aws.fault({ fault: { kind: 'reset', done: true }, on: s3Calls, times: 1 });
    await expect(put()).rejects.toThrow('ECONNRESET');
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: aws.bucket, Key: 'payloads/1' }));
    expect(await Body?.transformToString()).toBe('mail');
  });

  it.each([true, false])('never responds; done: %s', async (done) => {
    aws.fault({ fault: { kind: 'silence', done }, on: sqsCalls });
    await expect(send(sqs, AbortSignal.timeout(300))).rejects.toMatchObject({ name: 'AbortError' });
    expect(await bodies()).toEqual(done ? ['hello'] : []);
  });

  it('is slow', async () => {
    aws.fault({ fault: { kind: 'slow', delayMs: 100 }, on: sqsCalls });
    const start = performance.now();
    await send();
    expect(performance.now() - start).toBeGreaterThan(95);
  });

  it('fails chosen entries of a batch and sends the others', async () => {
    const batch = () =>
      sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: aws.fallback.url,
          Entries: ['a', 'b', 'c'].map((Id) => ({ Id, MessageBody: Id })),
        }),
      );
    aws.fault({ fault: { kind: 'part-failed', indices: [0, 2] }, times: 1 });
    const { Successful, Failed } = await batch();
    expect(Successful).toMatchObject([{ Id: 'b' }]);
    expect(Failed).toMatchObject([
      { Id: 'a', Code: 'InternalError', SenderFault: false },
      { Id: 'c', Code: 'InternalError', SenderFault: false },
    ]);
    expect(await bodies()).toEqual(['b']);

    aws.fault({ fault: { kind: 'part-failed', indices: [0, 1, 2], code: 'Throttled' }, times: 1 });
    expect((await batch()).Failed).toHaveLength(3);
    expect(await bodies()).toEqual([]);
  });

  it('fails the configured calls, as often and in the order configured', async () => {
    aws.fault({ fault: { kind: 'error', status: 500 }, on: sqsCalls, times: 1 });
    aws.fault({ fault: { kind: 'throttle' }, on: sqsCalls, times: 1 });
    await put();
    await expect(send()).rejects.toMatchObject({ name: 'InternalError' });
    await expect(send()).rejects.toMatchObject({ name: 'RequestThrottled' });
    await send();
    expect(aws.callsOf(sqsCalls)).toBe(3);
    expect(aws.callsOf(s3Calls)).toBe(1);
  });

  it('is retried by the SDK like the real one', async () => {
    aws.fault({ fault: { kind: 'error', status: 500 }, on: sqsCalls, times: 1 });
    await send(aws.sqs);
    expect(aws.callsOf(sqsCalls)).toBe(2);
    aws.fault({ fault: { kind: 'throttle' }, on: s3Calls, times: 1 });
    await put(aws.s3);
    expect(aws.callsOf(s3Calls)).toBe(2);
    aws.fault({ fault: { kind: 'denied' }, on: { service: 's3', action: 'HeadBucket' }, times: 1 });
    await expect(aws.s3.send(new HeadBucketCommand({ Bucket: aws.bucket }))).rejects.toThrow();
    expect(aws.callsOf({ action: 'HeadBucket' })).toBe(1);
  });
});
