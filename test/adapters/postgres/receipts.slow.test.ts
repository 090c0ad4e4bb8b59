import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PostgresReceiptStore } from '../../../lib/adapters/postgres/postgres-receipt-store.ts';
import { STATUS_KINDS } from '../../../lib/domain/delivery-status.ts';
import type { Receipt } from '../../../lib/domain/receipt.ts';
import { aBounce, aReceipt } from '../../support/a-receipt.ts';
import {
  type OutboxDatabase,
  type OutboxRow,
  OutboxServer,
  openSession,
  PLAIN_TRACE,
} from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
let book: PostgresReceiptStore;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  database = await server.database();
  book = bookOf(database);
});
afterEach(async () => {
  await book.close();
  await database.close();
});

const bookOf = ({ connectionString }: OutboxDatabase) =>
  new PostgresReceiptStore({ connectionString, workerId: 'worker-1' });

const ALL = ['marie@example.org', 'paul@example.org', 'eve@example.org'];
const FIRST = '2026-11-22T10:00:00.000Z';

/** The trace of a mail that was handed over for some, after SMTP took it for others. */
const tracedFor = (handedOver: readonly string[], takenBySmtp: readonly string[] = []) => ({
  ...PLAIN_TRACE,
  attempts: [
    {
      at: FIRST,
      outcome: takenBySmtp.length === 0 ? 'handed-over' : 'split',
      durationMs: 5,
      worker: 'worker-1',
      messageId: '<1@keybuzz.io>',
      queue: { recipients: handedOver, queueMessageId: 'q-1' },
      ...(takenBySmtp.length === 0 ? {} : { smtp: { recipients: takenBySmtp, response: '250 queued' } }),
    },
  ],
});

async function handedOver(fields: Partial<OutboxRow> = {}, recipients = ALL): Promise<string> {
  const row = { provider: 'ses', status: 'sending', delivery_trace: tracedFor(recipients), ...fields };
  const [id = ''] = await database.insert(row);
  return id;
}

const delivered = (id: string, recipients = ALL, seconds = 0) =>
  aReceipt(id, 'delivered', recipients, { seconds });

describe('the row of a mail that was handed over', () => {
  it('is told that SES took it, and by which Message-ID recipients know it', async () => {
    const id = await handedOver();

    expect(await book.apply([aReceipt(id, 'sent', ALL)])).toEqual(['entered']);

    const sent = { kind: 'sent', at: FIRST, sesMessageId: 'ses-1' };
    expect(await database.row(id)).toMatchObject({
      status: 'sending',
      delivered_at: null,
      last_error: null,
      delivery_trace: {
        ...tracedFor(ALL),
        recipients: Object.fromEntries(ALL.map((address) => [address, sent])),
        messageIds: ['<ses-1@eu-west-1.amazonses.com>'],
      },
    });
  });

  it('is delivered once all recipients have it', async () => {
    const id = await handedOver();

    await book.apply([delivered(id, ALL.slice(0, 2), 3)]);
    expect((await database.row(id)).status).toBe('sending');
    await book.apply([delivered(id, ALL.slice(2), 2)]);

    expect(await database.row(id)).toMatchObject({
      status: 'delivered',
      delivered_at: new Date('2026-11-22T10:00:03.000Z'),
      last_error: null,
    });
  });

  it('is failed by one of three that bounced', async () => {
    const id = await handedOver();

    await book.apply([delivered(id, ALL.slice(0, 2)), aBounce(id, ALL.slice(2))]);

    expect(await database.row(id)).toMatchObject({
      status: 'failed',
      delivered_at: null,
      last_error:
        'bounced (Permanent/General): 550 5.1.1 <e***@example.org>: no such user for 1 of 3 recipients',
    });
  });

  it('stays delivered when a recipient complains', async () => {
    const id = await handedOver();

    await book.apply([delivered(id)]);
    expect(await book.apply([aReceipt(id, 'complained', ['eve@example.org'], { seconds: 60 })])).toEqual([
      'entered',
    ]);

    expect(await database.row(id)).toMatchObject({
      status: 'delivered',
      delivered_at: new Date(FIRST),
      delivery_trace: { recipients: { 'eve@example.org': { kind: 'complained', deliveredAt: FIRST } } },
    });
  });

  it('does not wait for those whom SMTP took', async () => {
    const id = await handedOver({ delivery_trace: tracedFor(ALL.slice(0, 1), ALL.slice(1)) });

    await book.apply([delivered(id, ALL.slice(0, 1))]);

    expect((await database.row(id)).status).toBe('delivered');
  });

  it('is delivered after all where a dead letter was sent again', async () => {
    const id = await handedOver();

    await book.apply([{ ...aReceipt(id, 'failed', ALL, { reason: 'too-old' }), sesMessageId: undefined }]);
    expect(await database.row(id)).toMatchObject({
      status: 'failed',
      last_error: 'failed (too-old) for 3 of 3 recipients',
    });
    await book.apply([aReceipt(id, 'sent', ALL)]);
    expect(await database.row(id)).toMatchObject({ status: 'sending', last_error: null });
    await book.apply([delivered(id)]);
    expect(await database.row(id)).toMatchObject({ status: 'delivered', last_error: null });
  });

  it('is the same whatever the order and the repetition of its receipts, in one batch or in many', async () => {
    const story = (id: string): Receipt[] => [
      aReceipt(id, 'sent', ALL),
      aReceipt(id, 'delivery_delayed', ALL.slice(1), { seconds: 1 }),
      delivered(id, ALL.slice(0, 2), 2),
      aBounce(id, ALL.slice(2), 3),
      aReceipt(id, 'complained', ALL.slice(0, 1), { seconds: 4, reason: 'abuse' }),
      aReceipt(id, 'sent', ALL.slice(1), { sesMessageId: 'ses-2', messageId: '<ses-2@x.amazonses.com>' }),
    ];
    const comparable = async (id: string) => {
      const { status, last_error, delivered_at, delivery_trace } = await database.row(id);
      return { status, last_error, delivered_at, delivery_trace };
    };
    const inOrder = await handedOver();
    for (const receipt of story(inOrder)) await book.apply([receipt]);
    const expected = await comparable(inOrder);
    expect(expected).toMatchObject({ status: 'failed' });

    const count = story('').length;
    const order = fc.shuffledSubarray([...Array(2 * count).keys()], {
      minLength: 2 * count,
      maxLength: 2 * count,
    });
    await fc.assert(
      fc.asyncProperty(order, fc.integer({ min: 1, max: 2 * count }), async (indices, batch) => {
        const id = await handedOver();
        const all = indices.flatMap((index) => story(id)[index % count] ?? []);
        for (let at = 0; at < all.length; at += batch) await book.apply(all.slice(at, at + batch));

        expect(await comparable(id)).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  it('is not touched by what it knows', async () => {
    const id = await handedOver();
    await book.apply([aReceipt(id, 'sent', ALL), delivered(id)]);
    const before = await database.row(id);

    expect(await book.apply([delivered(id), aReceipt(id, 'sent', ALL)])).toEqual(['unchanged', 'unchanged']);

    expect(await database.row(id)).toEqual(before);
  });

  it('is brought in line where its statuses were told before it was handed over', async () => {
    const id = await handedOver({ provider: 'smtp' });
    await book.apply([delivered(id)]);
    expect((await database.row(id)).status).toBe('sending');
    await database.query(`UPDATE outbound_deliveries SET provider = 'ses'`);

    await book.apply([delivered(id)]);

    expect((await database.row(id)).status).toBe('delivered');
  });
});

describe('a row whose state is not for receipts to say', () => {
  it.each<[string, Partial<OutboxRow>]>([
    ['was taken by SMTP', { provider: 'smtp', status: 'delivered' }],
    ['is held for a person', { provider: 'smtp', status: 'sending', last_error: 'SMTP may have it' }],
    ['was handed over to nobody', { delivery_trace: PLAIN_TRACE, status: 'failed', last_error: 'expired' }],
  ])('keeps it where it %s, and is told the statuses all the same', async (_, fields) => {
    const id = await handedOver(fields);
    const before = await database.row(id);

    expect(await book.apply([aBounce(id, ALL)])).toEqual(['entered']);

    const after = await database.row(id);
    const { status, last_error, delivered_at } = before;
    expect(after).toMatchObject({ status, last_error, delivered_at });
    expect(after.delivery_trace).toMatchObject({ recipients: { 'eve@example.org': { kind: 'bounced' } } });
  });
});

describe('a receipt that cannot be entered', () => {
  it('is too early while a worker has the row, or is going to', async () => {
    const leased = await handedOver({
      lease_owner: 'worker-2/1',
      lease_until: new Date(Date.now() + 60_000),
      lease_route: 'queue',
    });
    const queued = await handedOver({ status: 'queued' });
    const rows = await Promise.all([database.row(leased), database.row(queued)]);

    expect(await book.apply([delivered(leased), delivered(queued)])).toEqual(['too-early', 'too-early']);
    expect(await Promise.all([database.row(leased), database.row(queued)])).toEqual(rows);

    await database.query(`UPDATE outbound_deliveries SET lease_owner = NULL, status = 'sending'`);
    expect(await book.apply([delivered(leased), delivered(queued)])).toEqual(['entered', 'entered']);
  });

  it('is gone with its row, and holds up no other', async () => {
    const id = await handedOver();

    expect(await book.apply([delivered('no such row'), delivered(id)])).toEqual(['gone', 'entered']);
  });

  it('is too early for a row that somebody has locked, and holds up no other', async () => {
    const [locked, free] = [await handedOver(), await handedOver()];
    const session = await openSession(database.connectionString);
    await session.query('BEGIN');
    await session.query('SELECT FROM outbound_deliveries WHERE id = $1 FOR UPDATE', [locked]);

    expect(await book.apply([delivered(locked), delivered(free)])).toEqual(['too-early', 'entered']);

    await session.query('COMMIT');
    await session.end();
    expect(await book.apply([delivered(locked)])).toEqual(['entered']);
  });

  it('is refused by what the database has against its row alone', async () => {
    const [odd, plain] = [await handedOver(), await handedOver()];
    await database.query(
      `ALTER TABLE outbound_deliveries ADD CHECK (id <> '${odd}' OR status <> 'delivered')`,
    );

    expect(await book.apply([delivered(odd), delivered(plain)])).toEqual(['refused', 'entered']);
    expect((await database.row(plain)).status).toBe('delivered');
  });
});

describe('many who write to one row', () => {
  it('lose nothing of what any of them tells', async () => {
    const id = await handedOver();
    const books = [1, 2, 3, 4].map(() => bookOf(database));
    const outbox = database.outbox();

    const told = STATUS_KINDS.flatMap((kind) => ALL.map((address) => ({ kind, address })));
    const work = books.map(async (one, index) => {
      for (const { kind, address } of told.filter((_, at) => at % books.length === index)) {
        const receipt = aReceipt(id, kind, [address], { messageId: `<${kind}-${address}>` });
        while ((await one.apply([receipt]))[0] === 'too-early') await outbox.stats();
      }
    });
    const attempt = { outcome: 'handed-over', durationMs: 1, worker: 'worker-2' } as const;
    for (let n = 0; n < 10; n += 1) {
      await outbox.complete([
        { id, next: { kind: 'handed-over' }, attempt: { ...attempt, at: new Date(n).toISOString() } },
      ]);
    }
    await Promise.all(work);

    const { delivery_trace: trace } = await database.row(id);
    expect(trace).toMatchObject({
      // Nothing says more than that SES took a mail and then rejected it.
      recipients: Object.fromEntries(ALL.map((address) => [address, { kind: 'failed' }])),
      messageIds: told.map(({ kind, address }) => `<${kind}-${address}>`).sort(),
    });
    expect(trace).toHaveProperty('attempts.length', 11);
    await Promise.all(books.map((one) => one.close()));
  });
});

describe('a database that is away', () => {
  it('is said to be, and is found again', async () => {
    const id = await handedOver();
    await book.ready();
    await server.postgres.stop();

    await expect(book.apply([delivered(id)])).rejects.toMatchObject({ name: 'OutboxUnavailableError' });
    await expect(book.ready()).rejects.toMatchObject({ name: 'OutboxUnavailableError' });
    await server.postgres.start();

    await book.ready();
    expect(await book.apply([delivered(id)])).toEqual(['entered']);
  });

  it('is not ready where it cannot be written, or not be told what receipts tell', async () => {
    await database.query(`ALTER DATABASE ${database.name} SET default_transaction_read_only = on`);
    await expect(book.ready()).rejects.toMatchObject({ code: '25006' });

    const bare = await server.database({ migrated: false });
    const ofBare = bookOf(bare);
    await expect(ofBare.ready()).rejects.toMatchObject({ name: 'OutboxSchemaError' });
    await ofBare.close();
  });
});
