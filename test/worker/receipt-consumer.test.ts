import { EventEmitter, once } from 'node:events';
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqsReceiptQueue } from '../../lib/adapters/sqs/sqs-receipt-queue.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { createReceiptConsumer, type Receipt, type ReceiptConsumer } from '../../lib/index.ts';
import type { Log, LogFields } from '../../lib/ports/runtime.ts';
import { aReceipt } from '../support/a-receipt.ts';

describe('the receipt consumer', () => {
  let aws: SqsAndS3;
  let queue: LocalQueue;
  let consumer: ReceiptConsumer;
  let handled: Receipt[];
  let errors: unknown[];
  let logged: [string, LogFields | undefined][];
  let onReceipt: (receipt: Receipt) => Promise<void> | void;
  const events = new EventEmitter();

  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    queue = await aws.createQueue('receipts', { visibilitySeconds: 1 });
    handled = [];
    errors = [];
    logged = [];
    onReceipt = () => {};
    const write = (event: string, fields?: LogFields) => {
      logged.push([event, fields]);
      events.emit('log', event);
    };
    const log: Log = { info: write, warn: write, error: write };
    consumer = createReceiptConsumer({
      queueUrl: queue.url,
      credentials: aws.credentials,
      endpoint: aws.endpoint,
      log,
      onError: (error) => errors.push(error),
      onReceipt: (receipt) => {
        handled.push(receipt);
        events.emit('receipt');
        return onReceipt(receipt);
      },
    });
  });

  afterEach(async () => {
    await consumer.stop(1_000);
    await aws.close();
  });

  const push = (...receipts: Receipt[]) => new SqsReceiptQueue(aws.sqs, queue.url, 5_000).push(receipts);
  const receipt = (id: string) => aReceipt(id, 'delivered', ['marie@example.org']);

  async function handles(id: string, times = 1): Promise<void> {
    while (handled.filter((one) => one.id === id).length < times)
      await once(events, 'receipt', { signal: AbortSignal.timeout(20_000) });
  }

  async function left(): Promise<number> {
    const { Attributes = {} } = await aws.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: ['All'] }),
    );
    return (
      Number(Attributes.ApproximateNumberOfMessages) +
      Number(Attributes.ApproximateNumberOfMessagesNotVisible)
    );
  }

  it('passes each receipt to its callback, and deletes it after that', async () => {
    const pushed = Array.from({ length: 12 }, (_, index) => receipt(`mail-${index}`));
    await push(...pushed);
    consumer.start();
    for (const { id } of pushed) await handles(id);
    await consumer.stop();

    expect(handled).toEqual(expect.arrayContaining(pushed));
    expect(handled).toHaveLength(12);
    expect(await left()).toBe(0);
  });

  it('keeps a receipt if its callback throws, deletes the others, and logs none of its content', async () => {
    onReceipt = ({ id }) => {
      if (id === 'bad') throw new Error('no such row');
    };
    await push(receipt('bad'), receipt('good'));
    consumer.start();
    await handles('good');
    await handles('bad', 2);
    await consumer.stop();

    expect(await left()).toBe(1);
    expect(errors).toContainEqual(expect.objectContaining({ message: 'no such row' }));
    expect(logged).toContainEqual([
      'receipt-not-handled',
      { deliveryId: 'bad', kind: 'delivered', code: 'Error' },
    ]);
    expect(JSON.stringify(logged)).not.toContain('marie');
  });

  it('keeps what is no receipt, and continues', async () => {
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: '{"id":"marie"}' }));
    const unreadable = once(events, 'log', { signal: AbortSignal.timeout(20_000) });
    consumer.start();
    expect(await unreadable).toEqual(['receipt-unreadable']);
    await push(receipt('a'));
    await handles('a');
    await consumer.stop();

    expect(handled.map(({ id }) => id)).toEqual(['a']);
    expect(await left()).toBe(1);
    expect(JSON.stringify(logged)).not.toContain('marie');
  });

  it('waits at its stop for a callback in progress', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    onReceipt = () => released;
    await push(receipt('a'));
    consumer.start();
    await handles('a');
    const stopping = consumer.stop();
    release();
    await stopping;

    expect(await left()).toBe(0);
  });

  it('does not wait at its stop for a callback that never ends', async () => {
    onReceipt = () => new Promise<void>(() => {});
    await push(receipt('a'));
    consumer.start();
    await handles('a');
    await consumer.stop(20);

    expect(await left()).toBe(1);
  });

  it('reports a queue that it may not read', async () => {
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'ReceiveMessage' } });
    const logLine = once(events, 'log', { signal: AbortSignal.timeout(20_000) });
    consumer.start();

    expect(await logLine).toEqual(['receipts-unavailable']);
    expect(errors).toHaveLength(1);
  });
});
