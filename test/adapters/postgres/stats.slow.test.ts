import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { STATS } from '../../../lib/adapters/postgres/postgres-outbox.ts';
import { DAY_MS } from '../../../lib/common/time.ts';
import {
  type OutboxDatabase,
  type OutboxRow,
  OutboxServer,
  openSession,
} from '../../support/outbox-database.ts';

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

const agoDays = (days: number) => new Date(Date.now() - days * DAY_MS);

/** A delivery that was handed over, with the time of its last status. */
async function insertHandedOver(updatedAt: Date | null, row: OutboxRow = {}): Promise<string> {
  const [id = ''] = await database.insert({
    provider: 'ses',
    status: 'sending',
    created_at: agoDays(3),
    ...row,
  });
  await database.query('UPDATE outbound_deliveries SET updated_at = $2 WHERE id = $1', [id, updatedAt]);
  return id;
}

const overdue = async () => (await database.outbox({ awaitsStatuses: true }).stats()).statusesOverdue;

describe('statuses that are overdue', () => {
  it('are those of deliveries handed over more than two days ago without an update since', async () => {
    expect(await overdue()).toBe(0);
    await insertHandedOver(agoDays(2.1));
    await insertHandedOver(agoDays(300), { created_at: agoDays(301) });
    await insertHandedOver(null);
    await insertHandedOver(agoDays(5), { created_at: null });
    expect(await overdue()).toBe(4);

    await insertHandedOver(agoDays(1.9), { created_at: agoDays(1.9) });
    // It waited for its hand-over, or was delayed after it.
    await insertHandedOver(agoDays(1.9), { created_at: agoDays(3.9) });
    await insertHandedOver(agoDays(3), { status: 'delivered' });
    await insertHandedOver(agoDays(3), { status: 'failed' });
    await insertHandedOver(agoDays(3), { provider: 'smtp' });
    await insertHandedOver(agoDays(3), { lease_owner: 'worker-2/1', lease_until: agoDays(-1) });
    expect(await overdue()).toBe(4);
  });

  it('are those that a worker handed over, until their status arrives', async () => {
    const [id = ''] = await database.insert({ created_at: agoDays(3) });
    const outbox = database.outbox({ awaitsStatuses: true });
    await outbox.claim({ limit: 1, leaseMs: 60_000, route: 'queue' });
    await outbox.complete([
      {
        id,
        next: { kind: 'handed-over' },
        attempt: { at: agoDays(0).toISOString(), outcome: 'handed-over', durationMs: 1, worker: 'worker-1' },
      },
    ]);
    expect((await outbox.stats()).statusesOverdue).toBe(0);

    await database.query('UPDATE outbound_deliveries SET updated_at = $1', [agoDays(3)]);
    expect((await outbox.stats()).statusesOverdue).toBe(1);

    await database.query(`UPDATE outbound_deliveries SET status = 'delivered'`);
    expect((await outbox.stats()).statusesOverdue).toBe(0);
  });

  it('are not counted if no statuses are awaited', async () => {
    await insertHandedOver(agoDays(3));

    expect(await database.outbox().stats()).toEqual({ queued: 0, oldestDueSeconds: 0 });
  });
});

describe('a table with many rows handed over to SES', () => {
  beforeEach(async () => {
    await database.query('ALTER TABLE outbound_deliveries SET (autovacuum_enabled = off)');
    await database.query('ANALYZE outbound_deliveries');
    await database.query(
      `INSERT INTO outbound_deliveries (id, provider, status, created_at, updated_at)
       SELECT 'mail-' || n, 'ses', CASE WHEN n <= 20000 THEN 'sending' ELSE 'delivered' END,
         now() - interval '1 day' * (n % 10), now() - interval '1 day' * (n % 10)
       FROM generate_series(1, 40000) AS n`,
    );
  });

  async function planOf(awaitsStatuses: boolean): Promise<string[]> {
    const session = await openSession(database.connectionString);
    await session.query('SET jit = off');
    const { rows } = await session.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) ${STATS}`,
      [['smtp', 'ses'], awaitsStatuses],
    );
    await session.end();
    return rows.map((row) => row['QUERY PLAN']);
  }

  const mostRows = (plan: readonly string[]) =>
    Math.max(...plan.map((line) => Number(/actual rows=([\d.]+)/.exec(line)?.[1] ?? 0)));

  it('is counted up to a limit, along the index, even without planner statistics', async () => {
    const plan = await planOf(true);

    expect(plan.join('\n')).toContain('outbound_deliveries_fate_awaited_idx');
    expect(plan.join('\n')).not.toMatch(/Seq Scan on outbound_deliveries|Sort Method/);
    expect(mostRows(plan)).toBe(10_000);
    expect(await overdue()).toBe(10_000);
  });

  it('is not scanned if statuses are not awaited', async () => {
    expect(mostRows(await planOf(false))).toBeLessThanOrEqual(100);
  });
});
