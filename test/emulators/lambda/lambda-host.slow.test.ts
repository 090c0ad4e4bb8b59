import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SQSEvent } from 'aws-lambda';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import {
  type LambdaHost,
  type LambdaHostOptions,
  startLambdaHost,
} from '../../../lib/emulators/lambda/lambda-host.ts';

describe('the Lambda host', () => {
  let aws: SqsAndS3;
  let bundleDirectory: string;
  let host: LambdaHost;
  let lines: string[];
  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 1 });
    bundleDirectory = await mkdtemp(join(tmpdir(), 'lambda-'));
    lines = [];
  });
  afterEach(async () => {
    await host?.close();
    await aws.close();
    await rm(bundleDirectory, { recursive: true });
  });

  async function start(source: string, options: Partial<LambdaHostOptions> = {}): Promise<void> {
    await writeFile(join(bundleDirectory, 'index.mjs'), source);
    host = await startLambdaHost({
      bundleDirectory,
      environment: {},
      queueUrl: aws.fallback.url,
      queueArn: aws.fallback.arn,
      sqs: aws.sqs,
      batchSize: 10,
      timeoutSeconds: 1,
      concurrency: 1,
      onLogLine: (line) => lines.push(line),
      ...options,
    });
  }

  async function send(...bodies: string[]): Promise<void> {
    const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    await aws.sqs.send(new SendMessageBatchCommand({ QueueUrl: aws.fallback.url, Entries }));
  }

  /** The bodies and receive counts that a handler has logged, by invocation. */
  const logged = () => lines.map((line) => JSON.parse(line));
  const LOG_BATCH = `console.log(JSON.stringify(event.Records.map((r) => [r.body, Number(r.attributes.ApproximateReceiveCount)])));`;

  it('passes a batch to the function and deletes it', async () => {
    await send('a', 'b');
    await start(`export const handler = async (event) => { ${LOG_BATCH} };`);
    await host.idle();
    expect(logged()).toEqual([
      [
        ['a', 1],
        ['b', 1],
      ],
    ]);
    expect(host.invocations).toMatchObject({ started: 1, succeeded: 1, coldStarts: 1 });
  });

  it('feeds the function from several queues, and names the queue of each record', async () => {
    await send('normal');
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.urgent.url, MessageBody: 'urgent' }));
    await start(
      `export const handler = async ({ Records }) => {
        console.log(JSON.stringify(Records.map((r) => [r.body, r.eventSourceARN])));
      };`,
      { otherSources: [{ queueUrl: aws.urgent.url, queueArn: aws.urgent.arn, concurrency: 1 }] },
    );
    await host.idle();

    expect(logged().flat().sort()).toEqual([
      ['normal', aws.fallback.arn],
      ['urgent', aws.urgent.arn],
    ]);
    expect(host.invocations).toMatchObject({ started: 2, succeeded: 2, coldStarts: 2 });
  });

  it('gives each of its queues concurrent invocations of its own', async () => {
    for (const { url } of [aws.fallback, aws.urgent])
      await aws.sqs.send(
        new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { VisibilityTimeout: '60' } }),
      );
    const begun = { normal: Promise.withResolvers<void>(), urgent: Promise.withResolvers<void>() };
    await send('normal');
    await start(
      // Busy with its batch until it is killed, as with a backlog.
      `export const handler = async ({ Records: [{ body }] }) => {
        console.log(body);
        await new Promise(() => setInterval(() => {}, 1000));
      };`,
      {
        timeoutSeconds: 60,
        otherSources: [{ queueUrl: aws.urgent.url, queueArn: aws.urgent.arn, concurrency: 1 }],
        onLogLine: (line) => begun[line === 'urgent' ? 'urgent' : 'normal'].resolve(),
      },
    );
    await begun.normal.promise;
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.urgent.url, MessageBody: 'urgent' }));
    await begun.urgent.promise;

    expect(await host.kill()).toBe(2);
  });

  it('passes records and a context like Lambda', async () => {
    await aws.sqs.send(
      new SendMessageCommand({
        QueueUrl: aws.fallback.url,
        MessageBody: 'hello',
        MessageGroupId: 'tenant-1',
        MessageAttributes: { class: { DataType: 'String', StringValue: 'deferred' } },
      }),
    );
    await start(`export const handler = async (event, context) => {
      console.log(JSON.stringify({ event, context, left: context.getRemainingTimeInMillis() }));
    };`);
    await host.idle();
    const { event, context, left }: { event: SQSEvent; context: Record<string, unknown>; left: number } =
      logged()[0];
    const digits = expect.stringMatching(/^\d+$/);
    expect(event.Records).toEqual([
      {
        messageId: expect.any(String),
        receiptHandle: expect.any(String),
        body: 'hello',
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: digits,
          SenderId: expect.any(String),
          ApproximateFirstReceiveTimestamp: digits,
          MessageGroupId: 'tenant-1',
        },
        messageAttributes: {
          class: { stringValue: 'deferred', stringListValues: [], binaryListValues: [], dataType: 'String' },
        },
        md5OfMessageAttributes: expect.any(String),
        md5OfBody: '5d41402abc4b2a76b9719d911017c592',
        eventSource: 'aws:sqs',
        eventSourceARN: aws.fallback.arn,
        awsRegion: 'eu-west-1',
      },
    ]);
    expect(context).toMatchObject({
      functionName: 'resend',
      invokedFunctionArn: 'arn:aws:lambda:eu-west-1:000000000000:function:resend',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(1000);
  });

  it('gives the function its own environment and nothing of the host', async () => {
    await send('a');
    await start(
      `export const handler = async () => {
        console.log(JSON.stringify({ env: process.env, ipc: typeof process.send, args: process.argv.length }));
      };`,
      { environment: { PAYLOAD_BUCKET: 'payloads', AWS_ACCESS_KEY_ID: 'given' } },
    );
    await host.idle();
    const { env, ipc, args } = logged()[0];
    expect(env).toMatchObject({
      PAYLOAD_BUCKET: 'payloads',
      AWS_ACCESS_KEY_ID: 'given',
      AWS_REGION: 'eu-west-1',
      AWS_LAMBDA_FUNCTION_NAME: 'resend',
      LAMBDA_TASK_ROOT: bundleDirectory,
    });
    expect(env).not.toHaveProperty('HOME');
    expect(env).not.toHaveProperty('NODE_OPTIONS');
    expect([ipc, args]).toEqual(['undefined', 1]);
  });

  it('leaves only the failed messages of a batch to their visibility timeout', async () => {
    await send('good', 'bad');
    await start(`export const handler = async (event) => {
      ${LOG_BATCH}
      const bad = event.Records.filter((r) => r.body === 'bad' && r.attributes.ApproximateReceiveCount === '1');
      return { batchItemFailures: bad.map((r) => ({ itemIdentifier: r.messageId })) };
    };`);
    await host.idle();
    expect(logged()).toEqual([
      [
        ['good', 1],
        ['bad', 1],
      ],
      [['bad', 2]],
    ]);
    expect(host.invocations).toMatchObject({ started: 2, partFailed: 1, succeeded: 1, coldStarts: 1 });
  });

  it.each([
    ['a thrown error', `throw new TypeError('broken')`, { threw: 1, coldStarts: 1 }],
    ['a malformed response', `return { batchItemFailures: [{ itemIdentifier: '' }] }`, { malformed: 1 }],
    ['a response that is not JSON', `return { big: 1n }`, { threw: 1 }],
    ['a crash', `process.exit(1)`, { crashed: 1, coldStarts: 2 }],
    [
      'an unhandled rejection',
      `void Promise.reject(new Error('x')); await new Promise(() => {})`,
      { crashed: 1 },
    ],
  ])('treats the whole batch as failed after %s', async (_, statement, counts) => {
    await send('a', 'b');
    await start(`export const handler = async (event) => {
      ${LOG_BATCH}
      if (event.Records[0].attributes.ApproximateReceiveCount === '1') { ${statement} }
    };`);
    await host.idle();
    const batches = lines.filter((line) => line.startsWith('[[')).map((line) => JSON.parse(line));
    expect(batches).toHaveLength(2);
    expect(batches[1].toSorted()).toEqual([
      ['a', 2],
      ['b', 2],
    ]);
    expect(host.invocations).toMatchObject({ started: 2, succeeded: 1, ...counts });
  });

  it('logs a thrown error like the runtime', async () => {
    await send('a');
    await start(`export const handler = async () => { throw new TypeError('broken'); };`);
    await host.nextInvocation();
    await host.nextInvocation();
    expect(
      lines.some((line) =>
        /\tERROR\tInvoke Error \t\{"errorType":"TypeError","errorMessage":"broken"/.test(line),
      ),
    ).toBe(true);
  });

  it('kills an invocation that takes longer than the timeout, even one that blocks', async () => {
    await send('a');
    await start(
      `export const handler = async (event) => {
        if (event.Records[0].attributes.ApproximateReceiveCount === '1') for (;;);
      };`,
      { timeoutSeconds: 0.2 },
    );
    await host.idle();
    expect(host.invocations).toMatchObject({ started: 2, timedOut: 1, succeeded: 1, coldStarts: 2 });
    expect(lines).toEqual([expect.stringMatching(/Task timed out after 0\.20 seconds$/)]);
  });

  it('keeps a process warm between invocations', async () => {
    await send('a', 'b', 'c');
    await start(
      `let n = 0; export const handler = async () => { console.log(JSON.stringify([++n, process.pid])); };`,
      {
        batchSize: 1,
      },
    );
    await host.idle();
    const pid = logged()[0][1];
    expect(logged()).toEqual([
      [1, pid],
      [2, pid],
      [3, pid],
    ]);
  });

  it('runs as many concurrent invocations as configured', async () => {
    await send('a', 'b');
    // Each waits for the other's file: they only end if they run concurrently.
    await start(
      `import { existsSync, writeFileSync } from 'node:fs';
      export const handler = async ({ Records: [{ body }] }) => {
        writeFileSync(body, '');
        while (!existsSync(body === 'a' ? 'b' : 'a')) await new Promise((r) => setTimeout(r, 5));
      };`,
      { batchSize: 1, concurrency: 2 },
    );
    await host.idle();
    expect(host.invocations).toMatchObject({ started: 2, succeeded: 2, coldStarts: 2 });
  });

  it('can be killed in the middle of an invocation, and the message is redelivered', async () => {
    await send('a');
    await start(`export const handler = async (event) => {
      if (event.Records[0].attributes.ApproximateReceiveCount === '1') await new Promise((r) => setTimeout(r, 900));
    };`);
    await host.nextInvocation();
    expect(await host.kill()).toBe(1);
    await host.idle();
    expect(host.invocations).toMatchObject({ started: 2, crashed: 1, succeeded: 1, coldStarts: 2 });
    expect(await host.kill()).toBe(0);
  });

  it('fails the batches of a bundle that does not load, and says why', async () => {
    await send('a');
    // The second process finds the file that the first did not.
    await start(
      `import { existsSync, writeFileSync } from 'node:fs';
      if (!existsSync('table')) { writeFileSync('table', ''); throw new Error('no such table'); }
      export const handler = async () => {};`,
    );
    await host.idle();
    expect(host.invocations).toMatchObject({ started: 2, crashed: 1, succeeded: 1, coldStarts: 2 });
    expect(lines).toContainEqual(expect.stringContaining('no such table'));
  });

  it('waits in idle() for a delayed message', async () => {
    await aws.sqs.send(
      new SendMessageCommand({ QueueUrl: aws.fallback.url, MessageBody: 'later', DelaySeconds: 1 }),
    );
    await start(`export const handler = async (event) => { ${LOG_BATCH} };`);
    await host.idle();
    expect(logged()).toEqual([[['later', 1]]]);
  });

  it('continues to poll after SQS failed', async () => {
    await start(`export const handler = async (event) => { ${LOG_BATCH} };`);
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'ReceiveMessage' }, times: 2 });
    await send('a');
    await send('b');
    await host.idle();
    expect(logged().flat(1)).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });

  it('redelivers a message that could not be deleted', async () => {
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'DeleteMessageBatch' }, times: 1 });
    await send('a');
    await start(`export const handler = async (event) => { ${LOG_BATCH} };`);
    await host.idle();
    expect(logged()).toEqual([[['a', 1]], [['a', 2]]]);
  });

  it('closes at once during a long poll and an invocation', async () => {
    // Far beyond what a close takes on a busy machine, so that the invocation does not end by itself before.
    await aws.sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl: aws.fallback.url,
        Attributes: { VisibilityTimeout: '8' },
      }),
    );
    await send('a');
    await start(`export const handler = () => new Promise(() => {});`, { concurrency: 2, timeoutSeconds: 8 });
    await host.nextInvocation();
    const idle = host.idle();
    const started = performance.now();
    await host.close();
    expect(performance.now() - started).toBeLessThan(4_000);
    await expect(idle).rejects.toThrow();
    const { Messages } = await aws.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: aws.fallback.url,
        WaitTimeSeconds: 20,
        MessageSystemAttributeNames: ['All'],
      }),
    );
    expect(Messages).toMatchObject([{ Body: 'a', Attributes: { ApproximateReceiveCount: '2' } }]);
  });

  it('rejects a timeout longer than the visibility timeout of the queue, and a batch larger than SQS allows', async () => {
    await expect(start('', { timeoutSeconds: 2 })).rejects.toThrow(
      "The queue's visibility timeout of 1 s is less than the function's timeout of 2 s",
    );
    await expect(start('', { batchSize: 11 })).rejects.toThrow('batchSize is 11');
  });
});
