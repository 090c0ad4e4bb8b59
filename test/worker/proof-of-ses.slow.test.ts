import { EventEmitter, once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PostgresOutbox } from '../../lib/adapters/postgres/postgres-outbox.ts';
import { PostgresReceiptStore } from '../../lib/adapters/postgres/postgres-receipt-store.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import type { Mailer } from '../../lib/mailer/mailer.ts';
import { silentObserver } from '../../lib/ports/outbox.ts';
import { silentLog, systemClock } from '../../lib/ports/runtime.ts';
import { OutboundWorker } from '../../lib/worker/worker.ts';
import { aBounce, aReceipt } from '../support/a-receipt.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { type OutboxDatabase, type OutboxRow, OutboxServer } from '../support/outbox-database.ts';
import { takeAll, takeEnvelopes } from '../support/queue-contents.ts';
import { smtpSettingsFor } from '../support/smtp-settings-for.ts';

const MARIE = 'marie@example.org';
const PAUL = 'paul@example.org';
const MAIL = { from: 'support@keybuzz.io', to: [MARIE, 'Paul <Paul@Example.org>'], subject: 'Hi', text: 'x' };

describe('a mail that SES has although its hand-over is not recorded', () => {
  let server: OutboxServer;
  let database: OutboxDatabase;
  let aws: SqsAndS3;
  let smtp: SmtpDouble;
  let store: PostgresReceiptStore;
  let stop: () => Promise<void>;
  let settled: number;
  const written = new EventEmitter();

  beforeAll(async () => {
    server = await OutboxServer.start();
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
  });

  afterAll(async () => {
    await aws.close();
    await server.close();
  });

  beforeEach(async () => {
    settled = 0;
    stop = async () => {};
    database = await server.database();
    store = new PostgresReceiptStore({ connectionString: database.connectionString, workerId: 'worker-9' });
    smtp = await startSmtpDouble();
  });

  afterEach(async () => {
    await stop();
    aws.heal();
    await takeAll(aws, aws.fallback);
    await smtp.close();
    await store.close();
    await database.close();
  });

  /** Starts a worker on the table, the queue and the mail server. */
  function work(): void {
    const mailer: Mailer = createMailer({ smtp: smtpSettingsFor(smtp), fallback: fallbackSettingsFor(aws) });
    const worker = new OutboundWorker({
      outbox: counted(database.outbox({ workerId: 'worker-1' })),
      mailer,
      workerId: 'worker-1',
      tuning: {
        leaseMs: 60_000,
        pollIntervalMs: 50,
        concurrency: 4,
        handOverConcurrency: 50,
        retryMaxMs: 300_000,
        takeOverDelayMs: 0,
        urgentPriority: 1,
      },
      observer: silentObserver,
      log: silentLog,
      clock: systemClock,
      random: () => 0.5,
    });
    worker.start();
    stop = async () => {
      stop = async () => {};
      await worker.drain(5_000);
      await mailer.close();
    };
  }

  function counted(outbox: PostgresOutbox): PostgresOutbox {
    const settle = outbox.complete.bind(outbox);
    outbox.complete = async (completion) => {
      const lost = await settle(completion);
      settled += completion.length;
      written.emit('settled');
      return lost;
    };
    return outbox;
  }

  async function settledTimes(times: number): Promise<void> {
    while (settled < times) await once(written, 'settled', { signal: AbortSignal.timeout(30_000) });
  }

  const insert = async (row: OutboxRow = {}): Promise<string> =>
    (await database.insert({ provider: 'email', mail: MAIL, delivery_trace: null, ...row }))[0] ?? '';

  /** SQS accepts the mail but its response is lost, while SMTP is down. */
  async function pushedWithoutResponse(): Promise<string> {
    await smtp.behave({ kind: 'refused' });
    aws.fault({ fault: { kind: 'reset', done: true }, on: { service: 'sqs' } });
    const id = await insert();
    work();
    await settledTimes(1);
    await stop();
    aws.heal();
    await smtp.behave({ kind: 'healthy' });
    expect((await takeEnvelopes(aws)).map((envelope) => envelope.id)).toContain(id);
    expect(await database.row(id)).toMatchObject({ status: 'queued', provider: 'email' });
    return id;
  }

  /** A worker of the route `queue` crashes after the push. */
  async function claimedByCrashed(row: OutboxRow = {}): Promise<string> {
    const id = await insert(row);
    await database.outbox({ workerId: 'crashed' }).claim({ limit: 1, leaseMs: 60_000, route: 'queue' });
    return id;
  }

  const endLeases = () =>
    database.query(`UPDATE outbound_deliveries SET lease_until = now() - interval '1s'`);

  /** Works until a mail that was inserted last is sent: by then, all that was due before is processed. */
  async function workUntilLastIsOut(): Promise<void> {
    await database.query('UPDATE outbound_deliveries SET next_retry_at = NULL');
    const last = await insert({ mail: { ...MAIL, to: 'last@example.org' } });
    work();
    for (let seen = settled; (await database.row(last)).status !== 'delivered'; seen = settled) {
      await settledTimes(seen + 1);
    }
    await stop();
  }

  const recipientsBySmtp = () => smtp.mails.flatMap(({ to }) => to).sort();

  it('is not sent by SMTP if its receipts arrived while it waited for a retry', async () => {
    const id = await pushedWithoutResponse();

    expect(await store.apply([aReceipt(id, 'sent', [MARIE, PAUL])])).toEqual(['entered']);
    expect(await database.row(id)).toMatchObject({ status: 'sending', provider: 'ses', next_retry_at: null });
    await workUntilLastIsOut();
    await store.apply([aReceipt(id, 'delivered', [MARIE, PAUL])]);

    expect(recipientsBySmtp()).toEqual(['last@example.org']);
    expect((await database.row(id)).status).toBe('delivered');
  });

  it('is sent by SMTP only to the recipients that SES does not have', async () => {
    const id = await pushedWithoutResponse();

    expect(await store.apply([aReceipt(id, 'delivered', [PAUL])])).toEqual(['too-early']);
    await workUntilLastIsOut();

    expect(recipientsBySmtp()).toEqual(['last@example.org', MARIE]);
    expect(await database.row(id)).toMatchObject({ status: 'sending', provider: 'ses' });
    expect(await store.apply([aReceipt(id, 'delivered', [PAUL])])).toEqual(['unchanged']);
    expect((await database.row(id)).status).toBe('delivered');
  });

  it('is not sent by SMTP if its worker crashed after the push', async () => {
    const id = await claimedByCrashed();

    expect(await store.apply([aReceipt(id, 'sent', [MARIE, PAUL])])).toEqual(['too-early']);
    await endLeases();
    await workUntilLastIsOut();
    const row = await database.row(id);
    await store.apply([aBounce(id, [PAUL]), aReceipt(id, 'delivered', [MARIE])]);

    expect(recipientsBySmtp()).toEqual(['last@example.org']);
    expect(await takeEnvelopes(aws)).toEqual([]);
    expect(row).toMatchObject({
      status: 'sending',
      provider: 'ses',
      delivery_trace: {
        attempts: [
          {
            outcome: 'handed-over',
            worker: 'worker-1',
            queue: { recipients: expect.arrayContaining([MARIE, PAUL]) },
          },
        ],
      },
    });
    expect((await database.row(id)).status).toBe('failed');
  });

  it('is delivered even if it expired before its receipts arrived', async () => {
    const first = await claimedByCrashed({ expires_at: new Date(0) });
    expect(await store.apply([aReceipt(first, 'delivered', [MARIE, PAUL])])).toEqual(['too-early']);
    const second = await claimedByCrashed({ expires_at: new Date(0) });
    const third = await claimedByCrashed({ expires_at: new Date(0) });
    await endLeases();
    await workUntilLastIsOut();
    const expired = await Promise.all([second, third].map((id) => database.row(id)));
    await store.apply([aReceipt(first, 'delivered', [MARIE, PAUL])]);
    await store.apply([aReceipt(second, 'delivered', [MARIE])]);
    await store.apply([aReceipt(second, 'delivered', [PAUL]), aReceipt(third, 'delivered', [PAUL])]);

    expect(expired).toMatchObject([
      { status: 'failed', last_error: expect.stringContaining('expired') },
      { status: 'failed', last_error: expect.stringContaining('expired') },
    ]);
    const rows = await Promise.all([first, second, third].map((id) => database.row(id)));
    expect(rows.map(({ status, provider }) => [status, provider])).toEqual([
      ['delivered', 'ses'],
      ['delivered', 'ses'],
      ['failed', 'email'],
    ]);
    expect(rows.map(({ last_error: error }) => error)).toEqual([null, null, expired[1]?.last_error]);
    expect(recipientsBySmtp()).toEqual(['last@example.org']);
  });
});
