import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Client } from 'pg';
import { ConnectionPool } from '../../../lib/adapters/postgres/connection.ts';
import type { PostgresOutbox } from '../../../lib/adapters/postgres/postgres-outbox.ts';
import { type OutboxDatabase, OutboxServer, openSession } from '../../support/outbox-database.ts';

const BATCH = 100;

let server: OutboxServer;
let database: OutboxDatabase;
let holder: Client | undefined;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  database = await server.database();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await holder?.end();
  holder = undefined;
  await database.close();
});

interface Statement {
  readonly action: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Notes the statements that outboxes send, and sends them. */
function noteStatements(): Statement[] {
  const statements: Statement[] = [];
  const { query } = ConnectionPool.prototype;
  jest.spyOn(ConnectionPool.prototype, 'query').mockImplementation(function <Row extends object>(
    this: ConnectionPool,
    action: string,
    text: string,
    values: unknown[],
  ) {
    statements.push({ action, text, values });
    return query.call(this, action, text, values) as Promise<Row[]>;
  });
  return statements;
}

/** How many entries of indexes the statements step over, dead ones too, as they are repeated; they change nothing. */
async function entriesReadBy(statements: readonly Statement[]): Promise<number> {
  let entries = 0;
  for (const { text, values } of statements) {
    // The count is of the session.
    const session = await openSession(database.connectionString);
    await session.query('SET jit = off');
    await session.query('BEGIN');
    await session.query(text, [...values]);
    const { rows } = await session.query<{ read: string }>(
      `SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) AS read FROM pg_index
       WHERE indrelid = 'outbound_deliveries'::regclass`,
    );
    await session.end();
    entries += Number(rows[0]?.read);
  }
  return entries;
}

async function insert(count: number, tenants: number): Promise<void> {
  await database.query(
    `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, created_at)
     SELECT gen_random_uuid()::text, 'tenant-' || n % $2::int, 'email', 'queued', clock_timestamp()
     FROM generate_series(1, $1::int) AS n`,
    [count, tenants],
  );
}

async function sendBatch(outbox: PostgresOutbox): Promise<number> {
  const claims = await outbox.claim({ limit: BATCH, leaseMs: 60_000, route: 'smtp' });
  const attempt = { at: '2026-11-22T10:00:00.000Z', outcome: 'taken', durationMs: 1, worker: 'w' } as const;
  await outbox.complete(claims.map(({ id }) => ({ id, next: { kind: 'delivered' }, attempt })));
  return claims.length;
}

async function holdSnapshot(): Promise<void> {
  holder = await openSession(database.connectionString);
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM outbound_deliveries LIMIT 1');
}

/** The statements with which one batch is claimed, except those that are made now and then only. */
async function statementsOfClaim(outbox: PostgresOutbox, noted: Statement[]): Promise<Statement[]> {
  const { length } = noted;
  expect(await sendBatch(outbox)).toBe(BATCH);
  return noted.slice(length).filter(({ action }) => !['settle', 'survey the queues'].includes(action));
}

describe('while another session holds an old snapshot', () => {
  it.each([2, 1_000])('a claim from the backlog of %d tenants reads no more than before', async (tenants) => {
    await insert(12_000, tenants);
    const outbox = database.outbox();
    const noted = noteStatements();
    for (let batch = 0; batch < 5; batch += 1) await sendBatch(outbox);
    const before = await entriesReadBy(await statementsOfClaim(outbox, noted));
    await holdSnapshot();

    for (let batch = 0; batch < 100; batch += 1) expect(await sendBatch(outbox)).toBe(BATCH);

    const after = await entriesReadBy(await statementsOfClaim(outbox, noted));
    expect(after).toBeLessThan(before + 10 * BATCH);
  });

  it('a claim of what has just come reads no more than before', async () => {
    const outbox = database.outbox();
    const noted = noteStatements();
    await insert(BATCH, 10);
    const before = await entriesReadBy(await statementsOfClaim(outbox, noted));
    await holdSnapshot();
    for (let batch = 0; batch < 100; batch += 1) {
      await insert(BATCH, 100);
      expect(await sendBatch(outbox)).toBe(BATCH);
      // The planner then believes that nothing ever waits.
      if (batch === 10) await database.query('VACUUM ANALYZE outbound_deliveries');
    }

    await insert(BATCH, 10);
    const after = await entriesReadBy(await statementsOfClaim(outbox, noted));
    expect(after).toBeLessThan(before + 20 * BATCH);
  });
});
