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
  const heard = new EventEmitter();

  const tell = (what: string) => {
    seen.push(what);
    heard.emit('told');
  };
  const observer: ReceiptObserver = {
    received: (kind, result) => tell(`${kind} ${result}`),
    unreadable: () => tell('unreadable'),
    queueError: (action) => tell(`cannot ${action}`),
    storeError: () => tell('no database'),
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

  /** Resolves once it was told so often. */
  async function told(what: string, times = 1): Promise<void> {
    while (seen.filter((one) => one === what).length < times)
      await once(heard, 'told', { signal: AbortSignal.timeout(30_000) });
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

  it('tells rows what became of their mails, and forgets the receipts', async () => {
    await handedOver('a');
    await push(aReceipt('a', 'sent', [MARIE]), aReceipt('gone', 'sent', [MARIE]));
    start();
    await told('sent entered');
    await told('sent gone');
    await push(aReceipt('a', 'delivered', [MARIE]), aReceipt('a', 'sent', [MARIE]));
    await told('delivered entered');
    await told('sent unchanged');
    await consumption?.stop(5_000);

    expect((await database.row('a')).status).toBe('delivered');
    expect(aws.callsOf({ action: 'DeleteMessageBatch' })).toBeGreaterThan(0);
    expect(await takeAll(aws, queue)).toEqual([]);
  });

  it('enters a receipt that was quicker than the settlement once the row is settled', async () => {
    await handedOver('a', { lease_owner: 'worker-2/1', lease_until: new Date(Date.now() + 60_000) });
    await push(aReceipt('a', 'delivered', [MARIE]));
    start();
    await told('delivered too-early');
    await database.query('UPDATE outbound_deliveries SET lease_owner = NULL, lease_until = NULL');
    await told('delivered entered');

    expect((await database.row('a')).status).toBe('delivered');
  });

  it('counts what is no receipt, and leaves it where it is', async () => {
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: 'hello' }));
    start();
    await told('unreadable', 2);
  });

  it('asks the queue nothing while the database is away, and goes on when it is back', async () => {
    await handedOver('a');
    await push(aReceipt('a', 'delivered', [MARIE]));
    await server.postgres.stop();
    start();
    await told('no database');
    const received = aws.callsOf({ action: 'ReceiveMessage' });
    await told('no database', 4);
    expect(aws.callsOf({ action: 'ReceiveMessage' })).toBe(received);

    await server.postgres.start();
    await told('delivered entered');
    expect((await database.row('a')).status).toBe('delivered');
  });

  it('asks nobody where no queue is set', async () => {
    const before = aws.callsOf({ action: 'ReceiveMessage' });
    start({ RECEIPTS_QUEUE_URL: '' });
    await consumption?.stop(5_000);

    expect(aws.callsOf({ action: 'ReceiveMessage' })).toBe(before);
  });
});
