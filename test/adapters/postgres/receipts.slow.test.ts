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
let store: PostgresReceiptStore;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  database = await server.database();
  store = storeOf(database);
});
afterEach(async () => {
  await store.close();
  await database.close();
});

const storeOf = ({ connectionString }: OutboxDatabase) =>
  new PostgresReceiptStore({ connectionString, workerId: 'worker-1' });

const ALL = ['marie@example.org', 'paul@example.org', 'eve@example.org'];
const FIRST = '2026-11-22T10:00:00.000Z';

/** The trace of a mail that was handed over for some recipients, after SMTP accepted it for others. */
const tracedFor = (handedOver: readonly string[], acceptedBySmtp: readonly string[] = []) => ({
  ...PLAIN_TRACE,
  attempts: [
    {
      at: FIRST,
      outcome: acceptedBySmtp.length === 0 ? 'handed-over' : 'split',
      durationMs: 5,
      worker: 'worker-1',
      messageId: '<1@keybuzz.io>',
      queue: { recipients: handedOver, queueMessageId: 'q-1' },
      ...(acceptedBySmtp.length === 0
        ? {}
        : { smtp: { recipients: acceptedBySmtp, response: '250 queued' } }),
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
  it('gets that SES accepted it, and the Message-ID that recipients see', async () => {
    const id = await handedOver();

    expect(await store.apply([aReceipt(id, 'sent', ALL)])).toEqual(['entered']);

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

    await store.apply([delivered(id, ALL.slice(0, 2), 3)]);
    expect((await database.row(id)).status).toBe('sending');
    await store.apply([delivered(id, ALL.slice(2), 2)]);

    expect(await database.row(id)).toMatchObject({
      status: 'delivered',
      delivered_at: new Date('2026-11-22T10:00:03.000Z'),
      last_error: null,
    });
  });

  it('fails if one of three recipients bounced', async () => {
    const id = await handedOver();

    await store.apply([delivered(id, ALL.slice(0, 2)), aBounce(id, ALL.slice(2))]);

    expect(await database.row(id)).toMatchObject({
      status: 'failed',
      delivered_at: null,
      last_error:
        'bounced (Permanent/General): 550 5.1.1 <e***@example.org>: no such user for 1 of 3 recipients',
    });
  });

  it('stays delivered when a recipient complains', async () => {
    const id = await handedOver();

    await store.apply([delivered(id)]);
    expect(await store.apply([aReceipt(id, 'complained', ['eve@example.org'], { seconds: 60 })])).toEqual([
      'entered',
    ]);

    expect(await database.row(id)).toMatchObject({
      status: 'delivered',
      delivered_at: new Date(FIRST),
      delivery_trace: { recipients: { 'eve@example.org': { kind: 'complained', deliveredAt: FIRST } } },
    });
  });

  it('does not wait for recipients that SMTP accepted', async () => {
    const id = await handedOver({ delivery_trace: tracedFor(ALL.slice(0, 1), ALL.slice(1)) });

    await store.apply([delivered(id, ALL.slice(0, 1))]);

    expect((await database.row(id)).status).toBe('delivered');
  });

  it('is delivered after a redrive of its dead letter', async () => {
    const id = await handedOver();

    await store.apply([{ ...aReceipt(id, 'failed', ALL, { reason: 'too-old' }), sesMessageId: undefined }]);
    expect(await database.row(id)).toMatchObject({
      status: 'failed',
      last_error: 'failed (too-old) for 3 of 3 recipients',
    });
    await store.apply([aReceipt(id, 'sent', ALL)]);
    expect(await database.row(id)).toMatchObject({ status: 'sending', last_error: null });
    await store.apply([delivered(id)]);
    expect(await database.row(id)).toMatchObject({ status: 'delivered', last_error: null });
  });

  it('is the same for any order and repetition of its receipts, in one batch or in many', async () => {
    const history = (id: string): Receipt[] => [
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
    for (const receipt of history(inOrder)) await store.apply([receipt]);
    const expected = await comparable(inOrder);
    expect(expected).toMatchObject({ status: 'failed' });

    const count = history('').length;
    const order = fc.shuffledSubarray([...Array(2 * count).keys()], {
      minLength: 2 * count,
      maxLength: 2 * count,
    });
    await fc.assert(
      fc.asyncProperty(order, fc.integer({ min: 1, max: 2 * count }), async (indices, batch) => {
        const id = await handedOver();
        const all = indices.flatMap((index) => history(id)[index % count] ?? []);
        for (let at = 0; at < all.length; at += batch) await store.apply(all.slice(at, at + batch));

        expect(await comparable(id)).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  it('is not changed by known receipts', async () => {
    const id = await handedOver();
    await store.apply([aReceipt(id, 'sent', ALL), delivered(id)]);
    const before = await database.row(id);

    expect(await store.apply([delivered(id), aReceipt(id, 'sent', ALL)])).toEqual(['unchanged', 'unchanged']);

    expect(await database.row(id)).toEqual(before);
  });

  it('is updated if its statuses were stored before it was handed over', async () => {
    const id = await handedOver({ provider: 'smtp' });
    await store.apply([delivered(id)]);
    expect((await database.row(id)).status).toBe('sending');
    await database.query(`UPDATE outbound_deliveries SET provider = 'ses'`);

    await store.apply([delivered(id)]);

    expect((await database.row(id)).status).toBe('delivered');
  });
});

describe('the row of a mail that SMTP accepted and could not deliver', () => {
  const bySmtp = (recipients = ALL) => ({
    ...PLAIN_TRACE,
    attempts: [
      {
        at: FIRST,
        outcome: 'taken',
        durationMs: 5,
        worker: 'worker-1',
        smtp: { recipients, response: '250 queued' },
      },
    ],
  });
  const accepted = () =>
    handedOver({
      provider: 'smtp',
      status: 'delivered',
      delivery_trace: bySmtp(),
    });

  it('is handed over from the first receipt on, and then what SES reports; the trace says why', async () => {
    const id = await accepted();

    expect(await store.apply([aReceipt(id, 'sent', ALL)])).toEqual(['entered']);
    expect(await database.row(id)).toMatchObject({
      provider: 'ses',
      status: 'sending',
      delivered_at: null,
      delivery_trace: {
        attempts: [
          { outcome: 'taken' },
          {
            outcome: 'handed-over',
            reason: expect.stringMatching(/^SMTP had accepted it/),
            queue: { recipients: ALL },
          },
        ],
      },
    });

    await store.apply([delivered(id)]);
    expect(await database.row(id)).toMatchObject({ status: 'delivered', delivered_at: new Date(FIRST) });
  });

  it('is for the recipients that come one by one, each once', async () => {
    const id = await accepted();
    for (const address of ALL) {
      await store.apply([delivered(id, [address])]);
      expect(await store.apply([delivered(id, [address])])).toEqual(['unchanged']);
    }
    const row = await database.row(id);
    expect(row.status).toBe('delivered');
    expect((row.delivery_trace as { attempts: unknown[] }).attempts).toHaveLength(1 + ALL.length);
  });

  it('says that it bounced, although the mail server has delivered it to the others', async () => {
    const id = await accepted();
    await store.apply([aBounce(id, ['eve@example.org'])]);
    expect(await database.row(id)).toMatchObject({
      status: 'failed',
      last_error: expect.stringMatching(/for 1 of 3 recipients$/),
    });
  });
});

describe('a row whose state receipts must not change', () => {
  it.each<[string, Partial<OutboxRow>]>([
    ['was accepted by SMTP', { provider: 'smtp', status: 'delivered' }],
    ['is held for an operator', { provider: 'smtp', status: 'sending', last_error: 'SMTP may have it' }],
    ['was not handed over', { delivery_trace: PLAIN_TRACE, status: 'failed', last_error: 'expired' }],
  ])('keeps its state if it %s, and still gets the statuses', async (_, fields) => {
    const id = await handedOver(fields);
    const before = await database.row(id);

    expect(await store.apply([aBounce(id, ALL)])).toEqual(['entered']);

    const after = await database.row(id);
    const { status, last_error, delivered_at } = before;
    expect(after).toMatchObject({ status, last_error, delivered_at });
    expect(after.delivery_trace).toMatchObject({ recipients: { 'eve@example.org': { kind: 'bounced' } } });
  });
});

describe('a receipt that cannot be applied', () => {
  it('is too early while a worker has the row, or will claim it', async () => {
    const leased = await handedOver({
      lease_owner: 'worker-2/1',
      lease_until: new Date(Date.now() + 60_000),
      lease_route: 'queue',
    });
    const queued = await handedOver({ status: 'queued' });
    const rows = await Promise.all([database.row(leased), database.row(queued)]);

    expect(await store.apply([delivered(leased), delivered(queued)])).toEqual(['too-early', 'too-early']);
    expect(await Promise.all([database.row(leased), database.row(queued)])).toEqual(rows);

    await database.query(`UPDATE outbound_deliveries SET lease_owner = NULL, status = 'sending'`);
    expect(await store.apply([delivered(leased), delivered(queued)])).toEqual(['entered', 'entered']);
  });

  it('is gone with its row, and blocks no other', async () => {
    const id = await handedOver();

    expect(await store.apply([delivered('no such row'), delivered(id)])).toEqual(['gone', 'entered']);
  });

  it('is too early for a locked row, and blocks no other', async () => {
    const [locked, free] = [await handedOver(), await handedOver()];
    const session = await openSession(database.connectionString);
    await session.query('BEGIN');
    await session.query('SELECT FROM outbound_deliveries WHERE id = $1 FOR UPDATE', [locked]);

    expect(await store.apply([delivered(locked), delivered(free)])).toEqual(['too-early', 'entered']);

    await session.query('COMMIT');
    await session.end();
    expect(await store.apply([delivered(locked)])).toEqual(['entered']);
  });

  it('is rejected alone if the database rejects its row', async () => {
    const [odd, plain] = [await handedOver(), await handedOver()];
    await database.query(
      `ALTER TABLE outbound_deliveries ADD CHECK (id <> '${odd}' OR status <> 'delivered')`,
    );

    expect(await store.apply([delivered(odd), delivered(plain)])).toEqual(['refused', 'entered']);
    expect((await database.row(plain)).status).toBe('delivered');
  });
});

describe('concurrent writers to one row', () => {
  it('lose no receipt of each other', async () => {
    const id = await handedOver();
    const stores = [1, 2, 3, 4].map(() => storeOf(database));
    const outbox = database.outbox();

    const reported = STATUS_KINDS.flatMap((kind) => ALL.map((address) => ({ kind, address })));
    const work = stores.map(async (one, index) => {
      for (const { kind, address } of reported.filter((_, at) => at % stores.length === index)) {
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
      // No status outranks that SES accepted a mail and then rejected it.
      recipients: Object.fromEntries(ALL.map((address) => [address, { kind: 'failed' }])),
      messageIds: reported.map(({ kind, address }) => `<${kind}-${address}>`).sort(),
    });
    expect(trace).toHaveProperty('attempts.length', 11);
    await Promise.all(stores.map((one) => one.close()));
  });
});

describe('a database that is down', () => {
  it('is reported as such, and reconnected', async () => {
    const id = await handedOver();
    await store.ready();
    await server.postgres.stop();

    await expect(store.apply([delivered(id)])).rejects.toMatchObject({ name: 'OutboxUnavailableError' });
    await expect(store.ready()).rejects.toMatchObject({ name: 'OutboxUnavailableError' });
    await server.postgres.start();

    await store.ready();
    expect(await store.apply([delivered(id)])).toEqual(['entered']);
  });

  it('is not ready if it is read-only, or lacks the schema for receipts', async () => {
    await database.query(`ALTER DATABASE ${database.name} SET default_transaction_read_only = on`);
    await expect(store.ready()).rejects.toMatchObject({ code: '25006' });

    const bare = await server.database({ migrated: false });
    const ofBare = storeOf(bare);
    await expect(ofBare.ready()).rejects.toMatchObject({ name: 'OutboxSchemaError' });
    await ofBare.close();
  });
});
