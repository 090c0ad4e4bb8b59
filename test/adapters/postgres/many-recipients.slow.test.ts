import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PostgresDeliveryRows } from '../../../lib/adapters/postgres/delivery-rows.ts';
import { migrate } from '../../../lib/adapters/postgres/migrate.ts';
import { PostgresReceiptStore } from '../../../lib/adapters/postgres/postgres-receipt-store.ts';
import type { RecipientStatuses } from '../../../lib/domain/delivery-status.ts';
import { withReceipt } from '../../../lib/domain/delivery-trace.ts';
import type { Receipt } from '../../../lib/domain/receipt.ts';
import { deriveSesState } from '../../../lib/domain/ses-state.ts';
import { aBounce, aReceipt } from '../../support/a-receipt.ts';
import { type OutboxDatabase, OutboxServer, PLAIN_TRACE } from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
let store: PostgresReceiptStore;
let rows: PostgresDeliveryRows;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  database = await server.database();
  store = storeOf(database);
  rows = new PostgresDeliveryRows({ connectionString: database.connectionString });
});
afterEach(async () => {
  await rows.close();
  await store.close();
  await database.close();
});

const storeOf = ({ connectionString }: OutboxDatabase) =>
  new PostgresReceiptStore({ connectionString, workerId: 'worker-1' });

const buyers = (count: number) => Array.from({ length: count }, (_, index) => `buyer-${index}@example.org`);
const MANY = buyers(120);

const handOverOf = (recipients: readonly string[]) => ({
  at: '2026-11-22T10:00:00.000Z',
  outcome: 'handed-over',
  durationMs: 5,
  worker: 'worker-1',
  queue: { recipients, queueMessageId: 'q-1' },
});

async function handedOver(recipients: readonly string[] = MANY, trace: object = {}): Promise<string> {
  const delivery_trace = { ...PLAIN_TRACE, attempts: [handOverOf(recipients)], ...trace };
  const [id = ''] = await database.insert({ provider: 'ses', status: 'sending', delivery_trace });
  return id;
}

/** All that receipts write, except when and by which transaction. */
async function written(id: string) {
  const [row] = await database.query<object>(
    `SELECT status, last_error, delivered_at, delivery_trace, recipient_counts - 'writtenBy' AS counts
     FROM outbound_deliveries WHERE id = $1`,
    [id],
  );
  const recipients = await database.query<object>(
    `SELECT recipient, handed_over, status, message_ids FROM outbound_recipients WHERE delivery_id = $1 ORDER BY recipient`,
    [id],
  );
  return { ...row, recipients };
}

/** What a trace would say after these receipts. */
function expectedAfter(receipts: readonly Receipt[], recipients: readonly string[] = MANY) {
  const { statuses } = receipts.reduce(withReceipt, { statuses: {}, messageIds: [] });
  const state = deriveSesState(statuses, { handedOver: recipients, takenBySmtp: [] });
  return { statuses: JSON.parse(JSON.stringify(statuses)) as RecipientStatuses, state };
}

/** What happens to a mail in a long life: each status, a redrive, a stranger, and another Message-ID. */
const history = (id: string): Receipt[] => [
  { ...aReceipt(id, 'failed', MANY.slice(40), { reason: 'too-old' }), sesMessageId: undefined },
  aReceipt(id, 'sent', MANY.slice(0, 30)),
  aReceipt(id, 'sent', MANY.slice(30), { sesMessageId: 'ses-2', messageId: '<ses-2@x.amazonses.com>' }),
  aReceipt(id, 'delivery_delayed', MANY.slice(10, 20), { seconds: 1 }),
  aReceipt(id, 'delivered', MANY.slice(0, 58), { seconds: 2 }),
  aReceipt(id, 'delivered', MANY.slice(3, 4), { seconds: 9 }),
  aBounce(id, MANY.slice(57, 59), 3),
  aReceipt(id, 'complained', MANY.slice(0, 1), { seconds: 4, reason: 'abuse' }),
  aBounce(id, ['stranger@example.org'], 5),
  aReceipt(id, 'delivered', MANY.slice(59), { seconds: 7 }),
];

describe('the receipts of a mail with many recipients', () => {
  it('have the same result in any order, repetition and batch, which is that of a trace', async () => {
    const inOrder = await handedOver();
    const before = (await database.row(inOrder)).delivery_trace;
    for (const receipt of history(inOrder)) await store.apply([receipt]);
    const expected = await written(inOrder);
    const { statuses, state } = expectedAfter(history(inOrder));

    expect(expected).toMatchObject({
      status: state?.status,
      last_error: state?.lastError,
      delivery_trace: before,
    });
    expect((await rows.find(inOrder))?.statuses).toEqual(statuses);

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

        expect(await written(id)).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  it('make it delivered when the last one has it, and are unchanged when repeated', async () => {
    const id = await handedOver();
    const receipts = [
      aReceipt(id, 'delivered', MANY.slice(1), { seconds: 8 }),
      aReceipt(id, 'delivered', MANY.slice(0, 1), { seconds: 3 }),
    ];

    expect(await store.apply(receipts.slice(0, 1))).toEqual(['entered']);
    expect((await database.row(id)).status).toBe('sending');
    expect(await store.apply(receipts)).toEqual(['unchanged', 'entered']);
    const before = await database.row(id);
    expect(before).toMatchObject({ status: 'delivered', delivered_at: new Date('2026-11-22T10:00:08.000Z') });

    expect(await store.apply(receipts)).toEqual(['unchanged', 'unchanged']);
    expect(await database.row(id)).toEqual(before);
  });

  it('cost the same log, whether the mail has 200 recipients or 2,000', async () => {
    const walOf = async (recipients: readonly string[]) => {
      const id = await handedOver(recipients);
      // The first receipt writes a row for each recipient.
      await store.apply([aReceipt(id, 'sent', recipients.slice(0, 1))]);
      const position = async () =>
        (await database.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn'))[0]?.lsn;
      const start = await position();
      for (const recipient of recipients.slice(0, 200))
        await store.apply([aReceipt(id, 'delivered', [recipient])]);
      const [wal] = await database.query<{ bytes: number }>(
        'SELECT pg_wal_lsn_diff($1, $2)::float8 AS bytes',
        [await position(), start],
      );
      return wal?.bytes ?? 0;
    };
    await walOf(buyers(200));

    const [few, many] = [await walOf(buyers(200)), await walOf(buyers(2_000))];

    expect(many).toBeLessThan(2 * few);
  });

  it('are lost by none of several writers at once', async () => {
    const id = await handedOver();
    const stores = [1, 2, 3].map(() => storeOf(database));
    const receipts = MANY.map((address) => aReceipt(id, 'delivered', [address]));

    await Promise.all(
      stores.map(async (one, index) => {
        for (const receipt of receipts.filter((_, at) => at % stores.length === index)) {
          while ((await one.apply([receipt]))[0] === 'too-early') await one.ready();
        }
      }),
    );

    expect(await database.row(id)).toMatchObject({ status: 'delivered' });
    await Promise.all(stores.map((one) => one.close()));
  });

  it('are too early while a worker has the row again, and cover who it hands over then', async () => {
    const id = await handedOver();
    await store.apply([aReceipt(id, 'delivered', MANY)]);
    expect((await database.row(id)).status).toBe('delivered');
    await database.query(
      `UPDATE outbound_deliveries SET status = 'queued', provider = 'email' WHERE id = $1`,
      [id],
    );
    const outbox = database.outbox();
    expect(await store.apply([aReceipt(id, 'sent', MANY)])).toEqual(['too-early']);
    await outbox.claim({ limit: 1, leaseMs: 60_000, route: 'queue' });
    expect(await store.apply([aReceipt(id, 'sent', MANY)])).toEqual(['too-early']);
    const further = 'further@example.org';
    const attempt = { ...handOverOf([...MANY, further]), outcome: 'handed-over' } as const;
    await outbox.complete([{ id, next: { kind: 'handed-over' }, attempt }]);

    await store.apply([aReceipt(id, 'sent', [further])]);
    expect((await database.row(id)).status).toBe('sending');
    await store.apply([aReceipt(id, 'delivered', [further], { seconds: 5 })]);
    expect(await database.row(id)).toMatchObject({
      status: 'delivered',
      delivered_at: new Date('2026-11-22T10:00:05.000Z'),
    });
  });

  it('take along what the trace has, and leave what others wrote there', async () => {
    const traced = { 'buyer-1@example.org': { kind: 'delivered', at: '2026-11-22T10:00:00.000Z' } };
    const only = await handedOver(MANY, { recipients: traced });
    const mixed = await handedOver(MANY, { recipients: { ...traced, note: 'of the API' } });

    await store.apply([only, mixed].map((id) => aReceipt(id, 'sent', MANY)));

    expect((await database.row(only)).delivery_trace).not.toHaveProperty('recipients');
    expect((await database.row(mixed)).delivery_trace).toMatchObject({ recipients: { note: 'of the API' } });
    for (const id of [only, mixed]) {
      expect((await rows.find(id))?.statuses).toMatchObject({
        'buyer-0@example.org': { kind: 'sent' },
        'buyer-1@example.org': { kind: 'delivered' },
      });
    }
  });

  it('stay in the trace of a mail with a hundred', async () => {
    const id = await handedOver(buyers(100));

    await store.apply([aReceipt(id, 'delivered', buyers(100))]);

    const { delivery_trace: trace, status } = await database.row(id);
    expect(status).toBe('delivered');
    expect(Object.keys((trace as { recipients: object }).recipients)).toHaveLength(100);
    expect((await written(id)).recipients).toEqual([]);
  });
});

describe('the recipients of a delivery', () => {
  const count = async () =>
    (await database.query<{ count: number }>('SELECT count(*)::int AS count FROM outbound_recipients'))[0]
      ?.count;

  it('go with it, one by one or all at once', async () => {
    const [one, other] = [await handedOver(), await handedOver()];
    await store.apply([one, other].map((id) => aReceipt(id, 'sent', MANY)));

    await database.query('DELETE FROM outbound_deliveries WHERE id = $1', [one]);
    expect(await count()).toBe(MANY.length);
    await database.query('TRUNCATE outbound_deliveries');
    expect(await count()).toBe(0);
  });

  it('are written by a role that could write deliveries before there was a table of recipients', async () => {
    const id = await handedOver();
    await database.query(`DROP TABLE outbound_recipients`);
    await database.query(`DELETE FROM outbound_migrations WHERE name = '0006-many-recipients'`);
    const role = `worker_${database.name}`;
    await database.query(`CREATE ROLE ${role} LOGIN`);
    await database.query(`GRANT SELECT, UPDATE, DELETE ON outbound_deliveries TO ${role}`);
    await migrate(database);
    const url = new URL(database.connectionString);
    url.username = role;
    const theirs = new PostgresReceiptStore({ connectionString: url.href, workerId: 'worker-2' });

    await theirs.ready();
    expect(await theirs.apply([aReceipt(id, 'sent', MANY)])).toEqual(['entered']);
    await theirs.close();
  });
});
