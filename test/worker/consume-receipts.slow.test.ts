import { EventEmitter, once } from 'node:events';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SqsReceiptQueue } from '../../lib/adapters/sqs/sqs-receipt-queue.ts';
import type { Receipt } from '../../lib/domain/receipt.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import type { ReceiptObserver } from '../../lib/ports/outbox.ts';
import { silentLog } from '../../lib/ports/runtime.ts';
import { consumeReceipts, type ReceiptConsumption } from '../../lib/worker/receipt-consumer.ts';
import { readWorkerSettings } from '../../lib/worker/settings.ts';
import { aReceipt } from '../support/a-receipt.ts';
import { type OutboxDatabase, OutboxServer } from '../support/outbox-database.ts';
import { takeAll } from '../support/queue-contents.ts';

const MARIE = 'marie@example.org';

describe('the worker and its receipts', () => {
  let server: OutboxServer;
  let database: OutboxDatabase;
  let aws: SqsAndS3;
  let queue: LocalQueue;
  let consumption: ReceiptConsumption | undefined;
  let seen: string[];
  const reports = new EventEmitter();

  const report = (what: string) => {
    seen.push(what);
    reports.emit('reported');
  };
  const observer: ReceiptObserver = {
    received: (kind, result) => report(`${kind} ${result}`),
    unreadable: () => report('unreadable'),
    queueError: (action) => report(`cannot ${action}`),
    storeError: () => report('no database'),
  };

  beforeAll(async () => {
    server = await OutboxServer.start();
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    queue = await aws.createQueue('receipts', { visibilitySeconds: 1 });
  });

  afterAll(async () => {
    await aws.close();
    await server.close();
  });

  beforeEach(async () => {
    seen = [];
    database = await server.database();
  });

  afterEach(async () => {
    await consumption?.stop(5_000);
    aws.heal();
    await takeAll(aws, queue);
    await database.close();
  });

  function start(overrides: Record<string, string> = { RECEIPTS_QUEUE_URL: queue.url }): void {
    const settings = readWorkerSettings(
      {
        DATABASE_URL: database.connectionString,
        SMTP_HOST: 'localhost',
        FALLBACK_QUEUE_URL: aws.fallback.url,
        PAYLOAD_BUCKET: aws.bucket,
        AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
        AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
        AWS_ENDPOINT_URL_SQS: aws.endpoint,
        ...overrides,
      },
      { workerId: 'worker-1' },
    );
    consumption = consumeReceipts(settings, observer, silentLog);
  }

  const push = (...receipts: Receipt[]) => new SqsReceiptQueue(aws.sqs, queue.url, 5_000).push(receipts);

  /** Resolves once the event was reported this often. */
  async function reported(what: string, times = 1): Promise<void> {
    while (seen.filter((one) => one === what).length < times)
      await once(reports, 'reported', { signal: AbortSignal.timeout(30_000) });
  }

  async function handedOver(id: string, fields: object = {}): Promise<void> {
    const attempts = [{ outcome: 'handed-over', queue: { recipients: [MARIE], queueMessageId: 'q' } }];
    await database.insert({
      id,
      provider: 'ses',
      status: 'sending',
      delivery_trace: { attempts },
      ...fields,
    });
  }

  it('writes receipts to the rows of their mails, and deletes them from the queue', async () => {
    await handedOver('a');
    await push(aReceipt('a', 'sent', [MARIE]), aReceipt('gone', 'sent', [MARIE]));
    start();
    await reported('sent entered');
    await reported('sent gone');
    await push(aReceipt('a', 'delivered', [MARIE]), aReceipt('a', 'sent', [MARIE]));
    await reported('delivered entered');
    await reported('sent unchanged');
    await consumption?.stop(5_000);

    expect((await database.row('a')).status).toBe('delivered');
    expect(aws.callsOf({ action: 'DeleteMessageBatch' })).toBeGreaterThan(0);
    expect(await takeAll(aws, queue)).toEqual([]);
  });

  it('enters a receipt that arrived before the completion once the row is completed', async () => {
    await handedOver('a', { lease_owner: 'worker-2/1', lease_until: new Date(Date.now() + 60_000) });
    await push(aReceipt('a', 'delivered', [MARIE]));
    start();
    await reported('delivered too-early');
    await database.query('UPDATE outbound_deliveries SET lease_owner = NULL, lease_until = NULL');
    await reported('delivered entered');

    expect((await database.row('a')).status).toBe('delivered');
  });

  it('counts what is no receipt, and leaves it in the queue', async () => {
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: 'hello' }));
    start();
    await reported('unreadable', 2);
  });

  it('does not poll the queue while the database is down, and continues when it is back', async () => {
    await handedOver('a');
    await push(aReceipt('a', 'delivered', [MARIE]));
    await server.postgres.stop();
    start();
    await reported('no database');
    const received = aws.callsOf({ action: 'ReceiveMessage' });
    await reported('no database', 4);
    expect(aws.callsOf({ action: 'ReceiveMessage' })).toBe(received);

    await server.postgres.start();
    await reported('delivered entered');
    expect((await database.row('a')).status).toBe('delivered');
  });

  it('polls nothing if no queue is configured', async () => {
    const before = aws.callsOf({ action: 'ReceiveMessage' });
    start({ RECEIPTS_QUEUE_URL: '' });
    await consumption?.stop(5_000);

    expect(aws.callsOf({ action: 'ReceiveMessage' })).toBe(before);
  });
});
