import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openSqsClient } from '../../../lib/adapters/sqs/sqs-client.ts';
import { RECEIVE_TRY_TIMEOUT_MS, SqsReceiptSource } from '../../../lib/adapters/sqs/sqs-receipt-source.ts';
import { type Receipt, serialiseReceipt } from '../../../lib/domain/receipt.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import type { ReceiptListener } from '../../../lib/ports/queues.ts';
import { aReceipt } from '../../support/a-receipt.ts';

/** Records its calls; a test sets its results. */
class RecordingListener implements ReceiptListener {
  readonly events = new EventEmitter<{ taken: [string[]]; unreadable: [string]; failed: [string] }>();
  readonly taken: string[] = [];
  readonly unreadableDetails: string[] = [];
  readonly queueFailures: string[] = [];
  readyCalls = 0;
  result: (receipts: readonly Receipt[]) => Promise<readonly Receipt[]> = async (receipts) => receipts;
  onReady: () => Promise<void> = async () => {};

  async take(receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
    const ids = receipts.map(({ id }) => id);
    this.taken.push(...ids);
    this.events.emit('taken', ids);
    return await this.result(receipts);
  }

  async ready(): Promise<void> {
    this.readyCalls += 1;
    await this.onReady();
  }

  unreadable(_queueMessageId: string, detail: string): void {
    this.unreadableDetails.push(detail);
    this.events.emit('unreadable', detail);
  }

  queueFailed(action: 'receive' | 'delete'): void {
    this.queueFailures.push(action);
    this.events.emit('failed', action);
  }

  async takes(id: string): Promise<void> {
    while (!this.taken.includes(id))
      await once(this.events, 'taken', { signal: AbortSignal.timeout(20_000) });
  }
}

describe('the receipt source', () => {
  let aws: SqsAndS3;
  let queue: LocalQueue;
  let listener: RecordingListener;
  let source: SqsReceiptSource;

  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    queue = await aws.createQueue('receipts', { visibilitySeconds: 1 });
    listener = new RecordingListener();
    source = new SqsReceiptSource(aws.sqs, queue.url, listener, () => 0.5);
  });

  afterEach(async () => {
    await source.stop();
    await aws.close();
  });

  const send = (body: string) =>
    aws.sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: body }));
  const push = (id: string) => send(serialiseReceipt(aReceipt(id, 'sent', ['marie@example.org'])));

  /** The number of messages in the queue, in flight or not. */
  async function left(): Promise<number> {
    const { Attributes = {} } = await aws.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: ['All'] }),
    );
    return (
      Number(Attributes.ApproximateNumberOfMessages) +
      Number(Attributes.ApproximateNumberOfMessagesNotVisible)
    );
  }

  it('passes on present and new receipts, and deletes them', async () => {
    await push('a');
    source.start();
    await listener.takes('a');
    await push('b');
    await listener.takes('b');
    await source.stop();

    expect(await left()).toBe(0);
  });

  it('keeps what the listener has not finished, and passes it on again', async () => {
    listener.result = async (receipts) => receipts.filter(({ id }) => id !== 'early');
    await push('early');
    await push('done');
    source.start();
    await listener.takes('done');
    await listener.takes('early');
    listener.result = async (receipts) => receipts;
    listener.taken.length = 0;
    await listener.takes('early');
    await source.stop();

    expect(await left()).toBe(0);
  });

  it('leaves in the queue what it cannot parse, and reports why without its content', async () => {
    await send('{"version":1,"id":"secret-word"}');
    const unreadable = once(listener.events, 'unreadable');
    source.start();
    await unreadable;
    await push('a');
    await listener.takes('a');
    await source.stop();

    expect(listener.unreadableDetails.join()).not.toContain('secret-word');
    expect(await left()).toBe(1);
  });

  it('does not poll the queue while the listener is not ready', async () => {
    let down = true;
    const readiness = new EventEmitter();
    listener.result = async (receipts) => {
      if (down) throw new Error('down');
      return receipts;
    };
    listener.onReady = async () => {
      readiness.emit('ready');
      if (down) throw new Error('down');
    };
    await push('a');
    source.start();
    await listener.takes('a');
    const received = aws.callsOf({ action: 'ReceiveMessage' });
    for (let checks = 0; checks < 3; checks += 1) await once(readiness, 'ready');
    expect(aws.callsOf({ action: 'ReceiveMessage' })).toBe(received);

    down = false;
    listener.taken.length = 0;
    await listener.takes('a');
    await source.stop();
    expect(await left()).toBe(0);
  });

  it('continues after the queue was down', async () => {
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'ReceiveMessage' }, times: 2 });
    await push('a');
    source.start();
    await listener.takes('a');

    expect(listener.queueFailures).toEqual(['receive', 'receive']);
  });

  it('reports what it could not delete, and passes it on again', async () => {
    aws.fault({
      fault: { kind: 'part-failed', indices: [0] },
      on: { action: 'DeleteMessageBatch' },
      times: 1,
    });
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'DeleteMessageBatch' }, times: 1 });
    await push('a');
    source.start();
    for (let time = 0; time < 3; time += 1) {
      await listener.takes('a');
      listener.taken.length = 0;
    }
    await source.stop();

    expect(listener.queueFailures).toEqual(['delete', 'delete']);
    expect(await left()).toBe(0);
  });

  it('needs only ReceiveMessage and DeleteMessage', async () => {
    await push('a');
    const others = aws.callsOf({ service: 'sqs' });
    source.start();
    await listener.takes('a');
    await source.stop();

    const own = aws.callsOf({ action: 'ReceiveMessage' }) + aws.callsOf({ action: 'DeleteMessageBatch' });
    expect(aws.callsOf({ service: 'sqs' }) - others).toBe(own);
    expect(aws.callsOf({ action: 'DeleteMessageBatch' })).toBe(1);
  });

  it('aborts a long poll at its stop, and reports no error', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const polled = once(server, 'request');
    const { port } = server.address() as AddressInfo;
    const sqs = openSqsClient({
      ...aws.credentials,
      region: aws.region,
      endpoint: `http://127.0.0.1:${port}`,
      tryTimeoutMs: RECEIVE_TRY_TIMEOUT_MS,
    });
    const polling = new SqsReceiptSource(sqs, queue.url, listener, () => 0.5);
    try {
      polling.start();
      const [, response] = await polled;
      const aborted = once(response, 'close', { signal: AbortSignal.timeout(10_000) });

      await polling.stop();

      await aborted;
      expect(listener.queueFailures).toEqual([]);
    } finally {
      server.closeAllConnections();
      server.close();
      sqs.destroy();
    }
  });

  it('waits at its stop for receipts in progress, and deletes them', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    listener.result = async (receipts) => {
      await released;
      return receipts;
    };
    await push('a');
    source.start();
    await listener.takes('a');
    let stopped = false;
    const stopping = source.stop().then(() => {
      stopped = true;
    });
    await left();
    expect(stopped).toBe(false);
    release();
    await stopping;

    expect(await left()).toBe(0);
  });
});
