import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PostgresOutbox } from '../../../lib/adapters/postgres/postgres-outbox.ts';
import { DAY_MS } from '../../../lib/common/time.ts';
import { type OutboxDatabase, OutboxServer, openSession } from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  database = await server.database();
});
afterEach(() => database.close());

const BACKLOG = 2_000;

async function insertBacklog(): Promise<void> {
  await database.query(
    `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, created_at)
     SELECT 'backlog-' || n, 'big', 'email', 'queued', now() - interval '1 hour' + n * interval '1 second'
     FROM generate_series(1, ${BACKLOG}) AS n`,
  );
}

const claimedBy = async (outbox: PostgresOutbox, limit: number): Promise<string[]> => {
  const claims = await outbox.claim({ limit, leaseMs: 600_000, route: 'smtp' });
  return claims.map(({ id }) => id);
};

/** Claims a few at a time until the delivery is claimed, while others wait. */
async function claimUntil(outbox: PostgresOutbox, id: string): Promise<string[]> {
  const ids: string[] = [];
  while (!ids.includes(id)) {
    const claimed = await claimedBy(outbox, 1);
    if (claimed.length === 0) throw new Error(`${id} was not claimed`);
    ids.push(...claimed);
  }
  return ids;
}

describe('a delivery that comes while others wait', () => {
  it('is claimed in the next turn of its tenant, the first of its priority', async () => {
    await insertBacklog();
    const outbox = database.outbox();
    await claimedBy(outbox, 10);

    await database.insert({ id: 'small-1', tenant_id: 'small' }, { id: 'small-2', tenant_id: 'small' });
    expect(await claimedBy(outbox, 4)).toEqual(['backlog-11', 'small-1', 'backlog-12', 'small-2']);
    await database.insert({ id: 'otp', tenant_id: 'other', priority: 10 }, { id: 'bulk', priority: -1 });
    expect(await claimedBy(outbox, 2)).toEqual(['otp', 'backlog-13']);
  });

  it.each([
    ['is older than all that were passed', { created_at: new Date(Date.now() - 2 * DAY_MS) }],
    [
      'is from a clock that is a minute behind',
      { created_at: new Date(Date.now() - 60_000), tenant_id: 'late' },
    ],
    ['has no date', { created_at: null }],
    ['is more urgent, and old', { created_at: new Date(Date.now() - DAY_MS), priority: 5 }],
  ])('is found soon if it %s', async (_, row) => {
    await insertBacklog();
    const outbox = database.outbox();
    await claimedBy(outbox, 100);

    await database.insert({ id: 'straggler', ...row });

    expect((await claimUntil(outbox, 'straggler')).length).toBeLessThan(BACKLOG - 100);
  });

  it('is found if it was committed after later ones were claimed', async () => {
    await database.insert({ id: 'first' });
    const outbox = database.outbox();
    await claimedBy(outbox, 1);
    const session = await openSession(database.connectionString);
    await session.query(
      `BEGIN; INSERT INTO outbound_deliveries (id, tenant_id, provider, status) VALUES ('slow', 'a', 'email', 'queued')`,
    );
    await database.insert({ id: 'quick', tenant_id: 'a' });
    expect(await claimedBy(outbox, 10)).toEqual(['quick']);

    await session.query('COMMIT');
    await session.end();

    expect(await claimedBy(outbox, 10)).toEqual(['slow']);
  });

  it('is found if it was locked when its turn came', async () => {
    await insertBacklog();
    const session = await openSession(database.connectionString);
    await session.query(`BEGIN; SELECT FROM outbound_deliveries WHERE id = 'backlog-5' FOR UPDATE`);
    const outbox = database.outbox();
    expect(await claimedBy(outbox, 10)).not.toContain('backlog-5');

    await session.end();

    expect((await claimUntil(outbox, 'backlog-5')).length).toBeLessThan(BACKLOG - 10);
  });

  it('is found if it was requeued or released after its turn', async () => {
    await insertBacklog();
    const outbox = database.outbox();
    const other = database.outbox({ workerId: 'worker-2' });
    const [released = '', requeued = ''] = await claimedBy(other, 2);
    await claimedBy(outbox, 100);

    await other.release([released]);
    expect((await claimUntil(outbox, released)).length).toBeLessThan(BACKLOG / 2);
    await database.query(
      `UPDATE outbound_deliveries SET status = 'queued', lease_owner = NULL, lease_until = NULL WHERE id = $1`,
      [requeued],
    );
    expect((await claimUntil(outbox, requeued)).length).toBeLessThan(BACKLOG / 2);
  });

  it('is found when its retry falls due', async () => {
    await insertBacklog();
    await database.insert({ id: 'retry', next_retry_at: new Date(Date.now() + 500) });
    const outbox = database.outbox();
    await claimedBy(outbox, 100);

    expect((await claimUntil(outbox, 'retry')).length).toBeLessThan(BACKLOG - 100);
  });
});

describe('a lease that ends while others wait', () => {
  it('is taken over soon', async () => {
    await insertBacklog();
    const outbox = database.outbox();
    await claimedBy(outbox, 100);
    await database.insert({
      id: 'crashed',
      status: 'sending',
      lease_owner: 'worker-9/1',
      lease_until: new Date(Date.now() - 1_000),
      lease_route: 'smtp',
    });

    expect((await claimUntil(outbox, 'crashed')).length).toBeLessThan(BACKLOG - 100);
  });
});

describe('whatever the times, tenants, priorities and locks', () => {
  it('every delivery is claimed once by three workers', async () => {
    const total = 1_500;
    const insertSome = (from: number, to: number) =>
      database.query(
        `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, priority, created_at, next_retry_at)
         SELECT 'mail-' || n, CASE WHEN n % 7 > 0 THEN 'tenant-' || (n * 31) % 90 END, 'email', 'queued', n % 3 * 5,
           CASE WHEN n % 50 > 0 THEN now() + (n * 7919 % 2000 - 1900) * interval '1 minute' END,
           CASE WHEN n % 4 = 0 THEN now() - (n * 104729 % 3000 - 1) * interval '1 second' END
         FROM generate_series($1::int, $2::int) AS n`,
        [from, to],
      );
    await insertSome(1, 500);
    const session = await openSession(database.connectionString);
    await session.query(`BEGIN; SELECT FROM outbound_deliveries WHERE id LIKE 'mail-1%' FOR UPDATE`);
    const claimed: string[] = [];
    const workers = [1, 2, 3].map(async (n) => {
      const outbox = database.outbox({ workerId: `worker-${n}` });
      while (claimed.length < total) claimed.push(...(await claimedBy(outbox, 7)));
    });
    for (let from = 501; from <= total; from += 100) await insertSome(from, from + 99);
    await session.end();
    await Promise.all(workers);

    expect(claimed).toHaveLength(total);
    expect(new Set(claimed).size).toBe(total);
  });
});
