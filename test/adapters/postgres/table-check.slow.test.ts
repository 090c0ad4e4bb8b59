import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrate } from '../../../lib/adapters/postgres/migrate.ts';
import { allMigrations } from '../../../lib/adapters/postgres/migrations.ts';
import { type OutboxDatabase, OutboxServer } from '../../support/outbox-database.ts';
import { KEYBUZZ_TABLE } from './keybuzz-table.ts';

let server: OutboxServer;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());

const CLAIM = { limit: 10, leaseMs: 60_000, route: 'smtp' } as const;
const MAIL_ID = '00000000-0000-4000-8000-000000000001';

/** The API's table with one change. */
async function tableWith(from: string | RegExp, to: string, before = ''): Promise<OutboxDatabase> {
  const database = await server.database({ migrated: false });
  const [columns = ''] = KEYBUZZ_TABLE.split('CREATE INDEX');
  const changed = columns.replace(from, to);
  expect(changed).not.toBe(columns);
  await database.query(`${before}${changed}`);
  return database;
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'OutboxSchemaError' });
  return error instanceof Error ? error.message : '';
}

/** The statements that a message names as the fix. */
function fixIn(message: string): string {
  return /; run (ALTER .*)$/.exec(message)?.[1] ?? '';
}

async function insertOne(database: OutboxDatabase): Promise<void> {
  await database.query(
    `INSERT INTO outbound_deliveries (id, provider, status, created_at) VALUES ('${MAIL_ID}', 'email', 'queued', now())`,
  );
}

const STATES = "text CHECK (status IN ('queued', 'sending', 'delivered', 'failed'))";

describe('a table that the statements cannot serve', () => {
  it.each([
    ['id text', 'id uuid', 'column id of public.outbound_deliveries is uuid, needed is text'],
    ['id text', 'id bigint', 'column id of public.outbound_deliveries is bigint, needed is text'],
    [
      'tenant_id text',
      'tenant_id uuid',
      'column tenant_id of public.outbound_deliveries is uuid, needed is text',
    ],
    [
      'delivery_trace jsonb',
      'delivery_trace json',
      'column delivery_trace of public.outbound_deliveries is json, needed is jsonb',
    ],
    ['last_error text', 'last_error varchar(80)', 'is character varying(80), needed is text'],
    [
      `status ${STATES}`,
      'status state',
      'column status of public.outbound_deliveries is state, needed is text',
    ],
    [
      'created_at timestamptz',
      'created_at timestamp(3)',
      'created_at of public.outbound_deliveries is timestamp(3) without time zone, needed is timestamp with',
    ],
    ['last_error text,', '', 'public.outbound_deliveries has no column last_error, needed is text'],
    [
      'next_retry_at timestamptz',
      'later int',
      'has no column next_retry_at, needed is timestamp with time zone',
    ],
    [
      'id text PRIMARY KEY,',
      'id text PRIMARY KEY, mail json,',
      'column mail of public.outbound_deliveries is json, needed is jsonb',
    ],
  ])('is refused by the migrations, and the fix that is named helps: %s as %s', async (from, to, problem) => {
    const database = await tableWith(
      from,
      to,
      `CREATE TYPE state AS ENUM ('queued', 'sending', 'delivered', 'failed');`,
    );

    const message = await messageOf(migrate(database));

    expect(message).toContain(problem);
    expect(await database.query(`SELECT to_regclass('outbound_migrations') AS found`)).toEqual([
      { found: null },
    ]);
    await database.query(fixIn(message));
    expect((await migrate(database)).applied).toHaveLength(allMigrations.length);
    await insertOne(database).catch(() => {});
    await database.outbox().claim(CLAIM);
    await database.close();
  });

  it('names all columns at once', async () => {
    const database = await tableWith('id text', 'id uuid');
    await database.query('ALTER TABLE outbound_deliveries DROP COLUMN provider, DROP COLUMN updated_at');

    const message = await messageOf(migrate(database));

    expect(message).toMatch(/column id .* no column provider.* no column updated_at/);
    await database.query(fixIn(message));
    await migrate(database);
    await database.close();
  });

  it('is not claimed from, so that no mail goes out whose outcome could not be written', async () => {
    const database = await server.database();
    await database.query('ALTER TABLE outbound_deliveries DROP COLUMN last_error');
    await insertOne(database);
    const outbox = database.outbox();

    const message = await messageOf(outbox.claim(CLAIM));
    await messageOf(outbox.ping());

    expect(message).toContain('no column last_error');
    expect(await database.query('SELECT status, attempt_count FROM outbound_deliveries')).toEqual([
      { status: 'queued', attempt_count: 0 },
    ]);
    await database.query(fixIn(message));
    await outbox.ping();
    expect(await outbox.claim(CLAIM)).toHaveLength(1);
    await database.close();
  });

  it('is noticed while the worker runs', async () => {
    const database = await server.database();
    const outbox = database.outbox();
    await outbox.claim(CLAIM);
    await database.query('ALTER TABLE outbound_deliveries ALTER COLUMN last_error TYPE varchar(10)');

    const message = await messageOf(outbox.ping());

    await messageOf(outbox.claim(CLAIM));
    await database.query(fixIn(message));
    await insertOne(database);
    expect(await outbox.claim(CLAIM)).toHaveLength(1);
    await database.close();
  });

  it('is reported after the migrations if their record says that all is done', async () => {
    const database = await server.database();
    await database.query('ALTER TABLE outbound_deliveries DROP COLUMN lease_route');

    expect(await messageOf(migrate(database))).toContain('has no column lease_route, needed is text');
  });
});

describe('a table that serves', () => {
  it.each([
    ['id text', 'id varchar(40)'],
    ['id text', 'id char(36)'],
    ['id text', 'id reference'],
    ['id text', 'id citext'],
    ['tenant_id text', 'tenant_id citext'],
    [/timestamptz/g, 'timestamp(3)'],
    ['attempt_count int', 'attempt_count bigint'],
    ['created_at timestamptz', 'created_at timestamptz(3)'],
  ])('%s as %s', async (from, to) => {
    const database = await tableWith(from, to, 'CREATE DOMAIN reference AS text; CREATE EXTENSION citext;');
    await migrate(database);
    await insertOne(database);
    const outbox = database.outbox();

    expect((await outbox.claim(CLAIM)).map(({ id }) => id)).toEqual([MAIL_ID]);
    const attempt = {
      at: '2026-01-01T00:00:00.000Z',
      outcome: 'taken',
      durationMs: 1,
      worker: 'worker-1',
    } as const;
    expect(await outbox.complete([{ id: MAIL_ID, next: { kind: 'delivered' }, attempt }])).toEqual([]);
    await database.close();
  });
});

describe('the schema of the URL', () => {
  it('has the table, and no other gets one', async () => {
    const database = await server.database({ migrated: false });
    await database.query(`CREATE SCHEMA "API x"; SET search_path TO "API x"; ${KEYBUZZ_TABLE}`);
    const connectionString = `${database.connectionString}?schema=API%20x`;

    await migrate({ connectionString });

    expect(
      await database.query(`SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'outbound_%'`),
    ).toEqual([{ schemaname: 'API x' }]);
    await database.query(
      `INSERT INTO "API x".outbound_deliveries (id, provider, status) VALUES ('${MAIL_ID}', 'email', 'queued')`,
    );
    const outbox = database.outbox({ connectionString });
    expect(await outbox.claim(CLAIM)).toHaveLength(1);
    await database.close();
  });

  it('is refused if it does not exist, without a table anywhere', async () => {
    const database = await server.database({ migrated: false });

    const message = await messageOf(
      migrate({ connectionString: `${database.connectionString}?schema=apii` }),
    );

    expect(message).toContain('no schema of the search path "apii"');
    expect(await database.query(`SELECT FROM pg_tables WHERE tablename LIKE 'outbound_%'`)).toEqual([]);
  });

  it('is named if it does not have the table', async () => {
    const database = await server.database();
    await database.query('CREATE SCHEMA api');
    const outbox = database.outbox({ connectionString: `${database.connectionString}?schema=api` });

    const message = await messageOf(outbox.claim(CLAIM));

    expect(message).toContain(
      'there is no table outbound_deliveries in the search path "api"; run the migrations',
    );
    await database.close();
  });

  it('is refused with a parameter that is not known, before connecting', async () => {
    const database = await server.database();

    expect(() => database.outbox({ connectionString: 'postgres://db/x?shema=api' })).toThrow(
      expect.objectContaining({ code: 'ESETTINGS', message: expect.stringContaining('shema is not known') }),
    );
  });
});
