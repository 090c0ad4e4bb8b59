import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '../../../lib/adapters/postgres/migrate.ts';
import { PostgresOutbox } from '../../../lib/adapters/postgres/postgres-outbox.ts';
import { PostgresReceiptStore } from '../../../lib/adapters/postgres/postgres-receipt-store.ts';
import { forTable, readTableName } from '../../../lib/adapters/postgres/table-name.ts';
import { SettingsError } from '../../../lib/common/config.ts';
import { DAY_MS } from '../../../lib/common/time.ts';
import type { Outbox } from '../../../lib/ports/outbox.ts';
import { type OutboxUnderTest, outboxContract } from '../../../lib/ports/outbox-contract.ts';
import { aReceipt } from '../../support/a-receipt.ts';
import { type OutboxDatabase, OutboxServer, PLAIN_TRACE } from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;

beforeAll(async () => {
  server = await OutboxServer.start();
});

afterAll(() => server.close());

/** A keyword and letters in upper case, which only quotes make a name. */
const TABLES = ['mails', 'Order', 'mail.Order'];

async function newDatabase(table: string): Promise<OutboxDatabase> {
  const created = await server.database({ migrated: false });
  await created.query('CREATE SCHEMA mail');
  await migrate({ connectionString: created.connectionString, table });
  return created;
}

const quoted = (table: string) =>
  table
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');

function outboxOf({ connectionString }: OutboxDatabase, table: string, workerId: string): PostgresOutbox {
  const providers = ['email'];
  return new PostgresOutbox({ connectionString, table, workerId, providers, defaultTimeToLiveMs: DAY_MS });
}

async function insert(
  into: OutboxDatabase,
  table: string,
  id: string,
  tenantId = 'a',
  priority = 0,
): Promise<void> {
  await into.query(
    `INSERT INTO ${quoted(table)} (id, tenant_id, target_address, provider, status, priority, delivery_trace)
     VALUES ($1, $2, 'marie@example.org', 'email', 'queued', $3, $4)`,
    [id, tenantId, priority, JSON.stringify(PLAIN_TRACE)],
  );
}

describe.each(TABLES)('an outbox in the table %s', (table) => {
  const create = async (): Promise<OutboxUnderTest> => {
    const created = await newDatabase(table);
    const workers = new Map<string, Outbox>();
    return {
      worker: (name) => {
        const outbox = workers.get(name) ?? outboxOf(created, table, name);
        workers.set(name, outbox);
        return outbox;
      },
      add: async (deliveries) => {
        for (const { id, tenantId, priority } of deliveries)
          await insert(created, table, id, tenantId, priority);
      },
      close: async () => {
        await Promise.all([...workers.values()].map((outbox) => outbox.close()));
      },
    };
  };

  it.each(outboxContract(create))('keeps the contract: $name', ({ run }) => run());
});

describe('the table of an outbox', () => {
  beforeEach(async () => {
    database = await newDatabase('mail.Order');
  });

  afterEach(() => database.close());

  const namesLike = (pattern: string) =>
    database.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relname LIKE $1
       UNION SELECT tgname FROM pg_trigger WHERE tgname LIKE $1
       UNION SELECT proname FROM pg_proc WHERE proname LIKE $1`,
      [pattern],
    );

  it('gives its name to all that belongs to it, and leaves nothing under the usual name', async () => {
    expect(await namesLike('outbound%')).toEqual([]);
    expect((await namesLike('Order%')).map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'Order',
        'Order_turns_idx',
        'Order_recipients',
        'Order_migrations',
        'Order_arrived',
      ]),
    );
  });

  it('is migrated once, and beside another one', async () => {
    const { connectionString } = database;
    expect(await migrate({ connectionString, table: 'mail.Order' })).toEqual({ applied: [] });
    expect((await migrate({ connectionString })).applied).not.toEqual([]);
    expect(await namesLike('outbound\\_deliveries')).toHaveLength(1);
  });

  it('wakes its workers, and takes receipts', async () => {
    const { connectionString } = database;
    const outbox = outboxOf(database, 'mail.Order', 'one');
    const store = new PostgresReceiptStore({ connectionString, table: 'mail.Order', workerId: 'one' });
    const stopped = new AbortController();
    try {
      const woken = new Promise<void>((resolve) => outbox.watch(resolve, stopped.signal));
      await insert(database, 'mail.Order', 'reply-1');
      await woken;
      await outbox.claim({ limit: 1, leaseMs: 60_000, route: 'queue' });
      const attempt = {
        at: new Date().toISOString(),
        outcome: 'handed-over',
        durationMs: 1,
        worker: 'one',
        queue: { recipients: ['marie@example.org'], queueMessageId: 'sqs-1' },
      } as const;
      await outbox.complete([{ id: 'reply-1', next: { kind: 'handed-over' }, attempt }]);
      const receipt = aReceipt('reply-1', 'delivered', ['marie@example.org']);

      expect(await store.apply([receipt])).toEqual(['entered']);
      expect(await database.query('SELECT status FROM mail."Order"')).toEqual([{ status: 'delivered' }]);
    } finally {
      stopped.abort();
      await Promise.all([outbox.close(), store.close()]);
    }
  });

  it('is missed under its own name', async () => {
    const outbox = outboxOf(database, 'mail.others', 'one');
    try {
      await expect(outbox.ping()).rejects.toMatchObject({
        code: '42P01',
        message: expect.stringContaining('there is no table "others" in the search path "mail"'),
      });
    } finally {
      await outbox.close();
    }
  });

  it.each(['', 'a b', 'a"; DROP TABLE x; --', 'a.b.c', '.a', '1a', 'a'.repeat(41)])(
    'has no name like %j',
    (table) => {
      expect(() => outboxOf(database, table, 'one')).toThrow(SettingsError);
    },
  );

  it('changes no statement under the usual name', () => {
    const statement = "SELECT FROM outbound_deliveries WHERE pg_notify('outbound_deliveries', '') IS NULL";
    expect(forTable(statement, readTableName())).toBe(statement);
    expect(forTable(statement, readTableName('x'))).toBe(
      `SELECT FROM "x" WHERE pg_notify('outbound_deliveries', '') IS NULL`,
    );
  });
});
