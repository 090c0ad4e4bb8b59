import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PostgresFoundRows } from '../../../lib/adapters/postgres/found-rows.ts';
import { PostgresHeldRows } from '../../../lib/adapters/postgres/held-rows.ts';
import { PostgresReceiptStore } from '../../../lib/adapters/postgres/postgres-receipt-store.ts';
import type { RowSearch } from '../../../lib/adapters/postgres/row-search.ts';
import { compositionMark } from '../../../lib/domain/delivery.ts';
import { ROW_STATES } from '../../../lib/domain/delivery-filter.ts';
import { aReceipt } from '../../support/a-receipt.ts';
import { type OutboxDatabase, type OutboxRow, OutboxServer } from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
let found: PostgresFoundRows;

beforeAll(async () => {
  server = await OutboxServer.start();
});

beforeEach(async () => {
  database = await server.database();
  found = new PostgresFoundRows({ connectionString: database.connectionString });
});

afterEach(() => Promise.all([found.close(), database.close()]));

afterAll(() => server.close());

const idsOf = async (search: Partial<RowSearch>) =>
  (await found.search({ limit: 50, ...search })).rows.map(({ id }) => id);

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));

const handedOver = (id: string, recipients: readonly string[]): OutboxRow => ({
  id,
  provider: 'ses',
  status: 'sending',
  delivery_trace: {
    attempts: [{ outcome: 'handed-over', queue: { recipients, queueMessageId: 'q-1' } }],
  },
});

async function applyReceipts(...receipts: Parameters<PostgresReceiptStore['apply']>[0]): Promise<void> {
  const store = new PostgresReceiptStore({
    connectionString: database.connectionString,
    workerId: 'worker-1',
  });
  await store.apply(receipts);
  await store.close();
}

describe('the deliveries of a recipient', () => {
  it('are found in each place that an address is written, newest first', async () => {
    await database.insert(
      { id: 'plain', target_address: 'Marie@Example.org', created_at: at(1) },
      { id: 'named', target_address: 'Marie <marie@example.org>', created_at: at(2) },
      {
        id: 'to',
        target_address: null,
        created_at: at(3),
        mail: { to: ['Marie <marie@example.org>', 'x@y.z'] },
      },
      {
        id: 'cc',
        target_address: 'x@y.z',
        created_at: at(4),
        mail: { to: 'x@y.z', cc: 'A@b.c, MARIE@example.org' },
      },
      { id: 'bcc', target_address: null, created_at: at(5), mail: { to: 'x@y.z', bcc: 'marie@example.org' } },
      { id: 'longer', target_address: 'rosemarie@example.org', created_at: at(7) },
      { id: 'in-longer', target_address: null, created_at: at(8), mail: { to: 'rosemarie@example.org' } },
      { id: 'other-host', target_address: null, mail: { to: 'marie@example.org.evil.example' } },
      { id: 'any-dot', target_address: null, mail: { to: 'marie@exampleXorg' } },
    );

    expect(await idsOf({ to: ' marie@Example.ORG' })).toEqual(['bcc', 'cc', 'to', 'named', 'plain']);
  });

  it('are found by a status alone, for few recipients and for many', async () => {
    const many = Array.from({ length: 101 }, (_, index) => `buyer-${index}@example.org`);
    await database.insert(handedOver('few', ['list@example.org']), handedOver('many', many));
    await applyReceipts(
      aReceipt('few', 'sent', ['member@example.org']),
      aReceipt('many', 'sent', many.slice(0, 50)),
    );

    expect(await idsOf({ to: 'member@example.org' })).toEqual(['few']);
    expect(await idsOf({ to: 'buyer-7@example.org' })).toEqual(['many']);
  });

  it('are found by a domain in another script in both of its forms', async () => {
    await database.insert(
      { id: 'script', target_address: 'jörg@bücher.example', created_at: at(1) },
      { id: 'ascii', target_address: null, created_at: at(2), mail: { to: 'jörg@xn--bcher-kva.example' } },
    );

    expect(await idsOf({ to: 'jörg@bücher.example' })).toEqual(['ascii', 'script']);
    expect(await idsOf({ to: 'jörg@xn--bcher-kva.example' })).toEqual(['ascii', 'script']);
  });

  it.each([
    "o'neil+tag@example.org",
    'a{2}*@example.org',
    '%_\\@example.org',
    `${'x'.repeat(3_000)}@example.org`,
  ])('may be odd', async (address) => {
    await database.insert(
      { id: 'plain', target_address: address },
      { id: 'mail', target_address: null, mail: { to: [address] } },
    );

    expect(await idsOf({ to: address })).toEqual(expect.arrayContaining(['plain', 'mail']));
  });

  it('follow a mail that the API changes', async () => {
    await database.insert({ id: 'changed', target_address: null, mail: { to: 'old@example.org' } });
    await database.query(`UPDATE outbound_deliveries SET mail = '{"to": "new@example.org"}'`);

    expect(await idsOf({ to: 'old@example.org' })).toEqual([]);
    expect(await idsOf({ to: 'new@example.org' })).toEqual(['changed']);
  });
});

it.each([
  42,
  'text',
  null,
  [],
  [[]],
  { to: null },
  { to: 7, cc: { address: 'x' }, bcc: [null, [1]] },
  { to: '@ @@ <>' },
])('a mail of any shape is inserted: %j', async (mail) => {
  await database.insert({ id: 'any-shape', mail });

  expect(await idsOf({ id: 'any-shape' })).toEqual(['any-shape']);
});

describe('a delivery is found by', () => {
  it('its id or, if it is none, the beginning of it, and no pattern', async () => {
    await database.insert(
      { id: 'reply-4711', created_at: at(1) },
      { id: 'reply-4712', created_at: at(2) },
      { id: 'reply_47', created_at: at(3) },
    );

    expect(await idsOf({ id: 'reply-4711' })).toEqual(['reply-4711']);
    expect(await idsOf({ id: 'reply-47' })).toEqual(['reply-4712', 'reply-4711']);
    expect(await idsOf({ id: 'reply_' })).toEqual(['reply_47']);
    expect(await idsOf({ id: '%' })).toEqual([]);
  });

  it('the beginning of very many ids, newest first', async () => {
    await database.query(`INSERT INTO outbound_deliveries (id, created_at)
      SELECT 'reply-' || lpad(n::text, 4, '0'), timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 1500) AS n`);

    expect(await idsOf({ id: 'reply-', limit: 2 })).toEqual(['reply-1500', 'reply-1499']);
    expect(await idsOf({ id: 'reply-149', limit: 2 })).toEqual(['reply-1499', 'reply-1498']);
  });

  it('the Message-ID that it was composed with, once it may have been sent', async () => {
    const id = 'odd\\id \u{1f600}';
    await database.insert({ id }, { id: 'other', status: 'delivered' });
    const { messageId } = compositionMark(id, 'support@keybuzz.io', new Date());
    expect(await idsOf({ id: messageId })).toEqual([]);

    const outbox = database.outbox();
    await outbox.claim({ limit: 1, leaseMs: 60_000, route: 'smtp' });
    const attempt = { at: at(0).toISOString(), outcome: 'taken', durationMs: 1, worker: 'worker-1' } as const;
    await outbox.complete([{ id, next: { kind: 'delivered' }, attempt }]);

    expect(await idsOf({ id: messageId })).toEqual([id]);
    expect(await idsOf({ id: messageId.slice(1, 41) })).toEqual([id]);
  });

  it('each Message-ID that SES gave it, whole or without its domain', async () => {
    const many = Array.from({ length: 101 }, (_, index) => `buyer-${index}@example.org`);
    await database.insert(handedOver('few', ['a@example.org']), handedOver('many', many));
    const ids = (name: string) => ({ sesMessageId: name, messageId: `<${name}@eu-west-1.amazonses.com>` });
    await applyReceipts(
      aReceipt('few', 'sent', ['a@example.org'], ids('ses-few')),
      aReceipt('many', 'sent', many.slice(0, 50), ids('ses-many-0')),
    );
    await applyReceipts(aReceipt('many', 'sent', many.slice(50), ids('ses-many-1')));

    expect(await idsOf({ id: '<ses-few@eu-west-1.amazonses.com>' })).toEqual(['few']);
    expect(await idsOf({ id: 'ses-few' })).toEqual(['few']);
    expect(await idsOf({ id: 'ses-many-0@eu-west-1.amazonses.com' })).toEqual(['many']);
    expect(await idsOf({ id: 'ses-many-1' })).toEqual(['many']);
  });

  it('the class of its last failure, also after it was delivered', async () => {
    await database.insert({ id: 'failed-once' }, { id: 'well', status: 'delivered' });
    const outbox = database.outbox();
    const complete = async (next: Parameters<typeof outbox.complete>[0][0]['next'], failure?: string) => {
      await outbox.claim({ limit: 1, leaseMs: 60_000, route: 'smtp' });
      const attempt = {
        at: new Date().toISOString(),
        outcome: failure === undefined ? 'taken' : 'not-accepted',
        durationMs: 1,
        worker: 'worker-1',
        ...(failure === undefined ? {} : { failure: { class: failure } }),
      } as const;
      await outbox.complete([{ id: 'failed-once', next, attempt }]);
    };
    const again = { kind: 'queued', retryAfterMs: 0, owed: [], reason: 'SMTP: no' } as const;
    await complete(again, 'unreachable');
    await complete(again, 'tls');
    await complete({ kind: 'delivered' });

    expect(await idsOf({ failureClass: 'tls' })).toEqual(['failed-once']);
    expect(await idsOf({ failureClass: 'unreachable' })).toEqual([]);
  });

  it('its tenant, time and state, which all have to be true', async () => {
    await database.insert(
      { id: 'a-1', tenant_id: 'a', created_at: at(1), status: 'failed' },
      { id: 'a-2', tenant_id: 'a', created_at: at(2) },
      { id: 'a-3', tenant_id: 'a', created_at: at(3), status: 'failed' },
      { id: 'b-1', tenant_id: 'b', created_at: at(2), status: 'failed' },
    );

    expect(await idsOf({ tenantId: 'a' })).toEqual(['a-3', 'a-2', 'a-1']);
    expect(await idsOf({ from: at(2), until: at(3) })).toEqual(expect.arrayContaining(['a-2', 'b-1']));
    expect(await idsOf({ tenantId: 'a', from: at(1), until: at(3), state: 'failed' })).toEqual(['a-1']);
    expect(await idsOf({ id: 'a-', to: 'marie@example.org', state: 'failed' })).toEqual(['a-3', 'a-1']);
    expect(await idsOf({ id: 'a-', to: 'paul@example.org' })).toEqual([]);
  });

  it('each state', async () => {
    await database.insert(
      { id: 'queued' },
      { id: 'on-hold' },
      ...(['sending', 'delivered', 'failed'] as const).map((status) => ({ id: status, status })),
    );
    const held = new PostgresHeldRows({ connectionString: database.connectionString });
    await held.hold({ by: 'ids', ids: ['on-hold'] }, new AbortController().signal);
    await held.close();

    for (const state of ROW_STATES) expect(await idsOf({ state })).toEqual([state]);
  });
});

it('a receipt that changes no state writes no entry of an index, once the id of SES is known', async () => {
  const [marie, paul] = ['marie@example.org', 'paul@example.org'];
  await database.insert(handedOver('two', [marie, paul]));
  await applyReceipts(aReceipt('two', 'sent', [marie, paul]));
  await applyReceipts(aReceipt('two', 'delivery_delayed', [paul], { seconds: 1 }));
  const updates = async () => {
    const [counts] = await database.query<{ all: number; hot: number }>(
      `SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = 'outbound_deliveries'`,
    );
    return counts;
  };
  // A session reports what it did when it ends.
  while ((await updates())?.all !== 2) await new Promise((resolve) => setImmediate(resolve));

  expect(await updates()).toEqual({ all: 2, hot: 1 });
});

describe('the pages of a search', () => {
  async function pagesOf(search: Partial<RowSearch>): Promise<string[][]> {
    const pages: string[][] = [];
    for (let after: RowSearch['after']; ; ) {
      const { rows, next } = await found.search({ ...search, limit: 3, after });
      pages.push(rows.map(({ id }) => id));
      if (next === undefined) return pages;
      after = next;
    }
  }

  it('have each row once, also of one microsecond, and beside rows that come meanwhile', async () => {
    // What a Date cannot tell apart.
    const times = [
      '00:00:00.000001',
      '00:00:00.000002',
      '00:00:00.000002',
      '00:00:00.000002',
      '00:00:00.0009',
    ];
    await database.insert(
      ...times.map((time, index) => ({ id: `row-${index}`, created_at: `2026-01-01T${time}Z` })),
      { id: 'without-a-time', created_at: null },
      { id: 'endless', created_at: 'infinity' },
    );
    const wanted = ['row-4', 'row-3', 'row-2', 'row-1', 'row-0'];

    for (const search of [{}, { to: 'marie@example.org' }, { id: 'row-' }, { tenantId: 'tenant-1' }]) {
      const pages = await pagesOf(search);
      expect(pages.flat()).toEqual(wanted);
      expect(pages.map((page) => page.length)).toEqual([3, 2]);
    }
    const { next } = await found.search({ limit: 3 });
    await database.insert({ id: 'row-newer' });
    expect((await found.search({ limit: 3, after: next })).rows.map(({ id }) => id)).toEqual([
      'row-1',
      'row-0',
    ]);
  });

  it('end with a full one if nothing is left', async () => {
    await database.insert({ id: 'a' }, { id: 'b' }, { id: 'c' });

    expect((await pagesOf({})).map((page) => page.length)).toEqual([3]);
  });
});
