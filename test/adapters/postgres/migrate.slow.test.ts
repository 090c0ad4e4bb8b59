import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrate } from '../../../lib/adapters/postgres/migrate.ts';
import { allMigrations } from '../../../lib/adapters/postgres/migrations.ts';
import { type OutboxDatabase, OutboxServer, openSession } from '../../support/outbox-database.ts';
import { KEYBUZZ_TABLE } from './keybuzz-table.ts';

const ALL = allMigrations.map(({ name }) => name);

let server: OutboxServer;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());

const empty = () => server.database({ migrated: false });

async function columnsOf(database: OutboxDatabase): Promise<Record<string, string>> {
  const columns = await database.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = 'outbound_deliveries'::regclass AND attnum > 0`,
  );
  return Object.fromEntries(columns.map(({ name, type }) => [name, type]));
}

async function indexesOf(database: OutboxDatabase): Promise<string[]> {
  const indexes = await database.query<{ name: string }>(
    `SELECT indexrelid::regclass::text AS name FROM pg_index
     WHERE indrelid = 'outbound_deliveries'::regclass AND indisvalid ORDER BY 1`,
  );
  return indexes.map(({ name }) => name);
}

describe('the migrations', () => {
  it('create everything on an empty database', async () => {
    const database = await empty();

    expect(await migrate(database)).toEqual({ applied: ALL });

    expect(await columnsOf(database)).toEqual({
      id: 'text',
      tenant_id: 'text',
      conversation_id: 'text',
      message_id: 'text',
      channel: 'text',
      target_address: 'text',
      provider: 'text',
      status: 'text',
      attempt_count: 'integer',
      last_error: 'text',
      created_at: 'timestamp with time zone',
      updated_at: 'timestamp with time zone',
      delivery_trace: 'jsonb',
      delivered_at: 'timestamp with time zone',
      next_retry_at: 'timestamp with time zone',
      mail: 'jsonb',
      priority: 'smallint',
      expires_at: 'timestamp with time zone',
      owed_recipients: 'text[]',
      lease_owner: 'text',
      lease_until: 'timestamp with time zone',
      lease_route: 'text',
      recipient_counts: 'jsonb',
      search_addresses: 'text[]',
      search_class: 'text',
      search_message_ids: 'text[]',
    });
    expect(await indexesOf(database)).toHaveLength(17);
    await expect(
      database.query(`INSERT INTO outbound_deliveries (id, status) VALUES ('a', 'sent')`),
    ).rejects.toMatchObject({ code: '23514' });
  });

  it('extend the existing table, without rewriting it or changing rows', async () => {
    const database = await empty();
    await database.query(KEYBUZZ_TABLE);
    await database.query(
      `INSERT INTO outbound_deliveries (id, provider, status, target_address, delivery_trace)
       VALUES ('old-1', 'email', 'queued', 'marie@example.org', '{"fromAddress": "a@keybuzz.io"}'),
              ('old-2', 'email', 'sending', 'marie@example.org', NULL)`,
    );
    const fileOf = () => database.query(`SELECT pg_relation_filenode('outbound_deliveries') AS file`);
    const rowsOf = () =>
      database.query(`SELECT id, status, delivery_trace FROM outbound_deliveries ORDER BY id`);
    const [file, rows] = [await fileOf(), await rowsOf()];

    expect(await migrate(database)).toEqual({ applied: ALL });

    expect(await fileOf()).toEqual(file);
    expect(await rowsOf()).toEqual(rows);
    expect(await indexesOf(database)).toEqual([
      'idx_od_created',
      'idx_od_message',
      'idx_od_retry',
      'idx_od_status',
      'idx_od_tenant',
      'outbound_deliveries_address_idx',
      'outbound_deliveries_addresses_idx',
      'outbound_deliveries_arrivals_idx',
      'outbound_deliveries_class_idx',
      'outbound_deliveries_failed_idx',
      'outbound_deliveries_fate_awaited_idx',
      'outbound_deliveries_leased_idx',
      'outbound_deliveries_message_id_idx',
      'outbound_deliveries_of_tenant_idx',
      'outbound_deliveries_pkey',
      'outbound_deliveries_ses_ids_idx',
      'outbound_deliveries_turns_idx',
    ]);
    const outbox = database.outbox();
    const claims = await outbox.claim({ limit: 10, leaseMs: 1_000, route: 'smtp' });
    expect(claims.map(({ id }) => id)).toEqual(['old-1']);
    await database.close();
  });

  it('do nothing when repeated', async () => {
    const database = await server.database();

    expect(await migrate(database)).toEqual({ applied: [] });
  });

  it('can be applied again if their record was lost', async () => {
    const database = await server.database();
    await database.insert({});
    await database.query('DROP TABLE outbound_migrations');

    expect(await migrate(database)).toEqual({ applied: ALL });
  });

  it('are applied once by three concurrent runs', async () => {
    const database = await empty();

    const reports = await Promise.all([migrate(database), migrate(database), migrate(database)]);

    expect(reports.flatMap(({ applied }) => applied).sort()).toEqual(ALL);
  });

  it('rebuild an index that an earlier run left invalid', async () => {
    const database = await server.database();
    await database.query(`DELETE FROM outbound_migrations WHERE name = '0007-places'`);
    await database.query(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'outbound_deliveries_turns_idx'::regclass`,
    );

    await migrate(database);

    expect(await indexesOf(database)).toContain('outbound_deliveries_turns_idx');
  });

  it('give up the lock for users of the table, and retry', async () => {
    const database = await empty();
    await database.query(KEYBUZZ_TABLE);
    const reader = await openSession(database.connectionString);
    await reader.query('BEGIN; SELECT * FROM outbound_deliveries');
    const waits: string[] = [];
    let freed: Promise<unknown> | undefined;
    const log = {
      info: () => {},
      warn: (event: string) => {
        waits.push(event);
        // While it waited for its lock, no one could read; now that it has given up, the query succeeds.
        freed ??= database.query('SELECT * FROM outbound_deliveries').then(() => reader.query('COMMIT'));
      },
      error: () => {},
    };

    expect(await migrate(database, log)).toEqual({ applied: ALL });

    await freed;
    await reader.end();
    expect(waits).toContain('migration-waits');
  });

  it('are named by the error if they are missing', async () => {
    const database = await empty();
    await database.query(KEYBUZZ_TABLE);

    const claiming = database.outbox().claim({ limit: 1, leaseMs: 1_000, route: 'smtp' });

    await expect(claiming).rejects.toMatchObject({
      name: 'OutboxSchemaError',
      code: '42703',
      message: expect.stringContaining('run the migrations'),
    });
    await database.close();
  });
});
