import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PostgresHeldRows } from '../../../lib/adapters/postgres/held-rows.ts';
import type { Completion } from '../../../lib/ports/outbox.ts';
import { type OutboxDatabase, OutboxServer, PLAIN_TRACE } from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
let held: PostgresHeldRows;

const CLAIM = { limit: 100, leaseMs: 60_000, route: 'smtp' } as const;
const NEVER = new AbortController().signal;

beforeAll(async () => {
  server = await OutboxServer.start();
});

beforeEach(async () => {
  database = await server.database();
  held = new PostgresHeldRows({ connectionString: database.connectionString });
});

afterEach(async () => {
  await held.close();
  await database.close();
});

afterAll(() => server.close());

const claimedIds = async () => (await database.outbox().claim(CLAIM)).map(({ id }) => id);

const delivered = (id: string): Completion => ({
  id,
  next: { kind: 'delivered' },
  attempt: { at: new Date().toISOString(), outcome: 'taken', durationMs: 1, worker: 'worker-1' },
});

describe('a delivery on hold', () => {
  it('is claimed by no worker, and released as it was before', async () => {
    const due = '2026-01-02T03:04:05.678912+00:00';
    await database.insert({ id: 'new' }, { id: 'retried', next_retry_at: due }, { id: 'other' });

    expect((await held.hold({ by: 'ids', ids: ['new', 'retried'] }, NEVER)).sort()).toEqual([
      'new',
      'retried',
    ]);
    expect(await claimedIds()).toEqual(['other']);
    expect(await held.count({ by: 'all' })).toEqual({ waiting: 0, onHold: 2 });

    expect((await held.release({ by: 'all' }, NEVER)).sort()).toEqual(['new', 'retried']);
    const rows = await database.query<{ id: string }>(
      `SELECT id, next_retry_at = '${due}' AS "isSame", next_retry_at IS NULL AS "isNew", delivery_trace AS trace
       FROM outbound_deliveries WHERE id <> 'other' ORDER BY id`,
    );
    expect(rows).toEqual([
      { id: 'new', isSame: null, isNew: true, trace: PLAIN_TRACE },
      { id: 'retried', isSame: true, isNew: false, trace: PLAIN_TRACE },
    ]);
    expect((await claimedIds()).sort()).toEqual(['new', 'retried']);
  });

  it('wakes the workers when it is released', async () => {
    const outbox = database.outbox();
    await database.insert({ id: 'one' });
    await held.hold({ by: 'all' }, NEVER);
    const ended = new AbortController();
    const woken = new Promise<void>((resolve) => outbox.watch(resolve, ended.signal));
    await outbox.ping();
    await held.release({ by: 'ids', ids: ['one'] }, NEVER);

    await woken;
    ended.abort();
  });

  it('can be held twice without losing the time at which it was due', async () => {
    const due = new Date(Date.now() - 60_000);
    await database.insert({ id: 'one', next_retry_at: due });
    await held.hold({ by: 'all' }, NEVER);

    expect(await held.hold({ by: 'ids', ids: ['one'] }, NEVER)).toEqual([]);
    await held.release({ by: 'all' }, NEVER);
    expect((await database.row('one')).next_retry_at).toEqual(due);
  });

  it.each([[null], [[1, 2]], ['text'], [{ previous: 1 }]])('may have any trace: %j', async (trace) => {
    await database.insert({
      id: 'one',
      delivery_trace: trace,
      mail: { from: 'a@keybuzz.io', to: 'b@x.y', text: '' },
    });

    expect(await held.hold({ by: 'all' }, NEVER)).toEqual(['one']);
    expect(await held.release({ by: 'all' }, NEVER)).toEqual(['one']);
    expect(await claimedIds()).toEqual(['one']);
  });
});

describe('what is not held', () => {
  it('is a delivery that a worker has, is settled, or belongs to another tenant', async () => {
    await database.insert({ id: 'in-hand', tenant_id: 'shop-a' });
    await claimedIds();
    await database.insert(
      { id: 'done', tenant_id: 'shop-a', status: 'delivered' },
      { id: 'mine', tenant_id: 'shop-a' },
      { id: 'foreign', tenant_id: 'shop-b' },
      { id: 'nobodys', tenant_id: null },
    );

    expect(await held.hold({ by: 'tenant', tenantId: 'shop-a' }, NEVER)).toEqual(['mine']);
    expect((await database.row('in-hand')).status).toBe('sending');
  });

  it('is not released either, if the API itself keeps it back', async () => {
    await database.insert({ id: 'of-the-api', next_retry_at: 'infinity' });

    expect(await held.hold({ by: 'all' }, NEVER)).toEqual([]);
    expect(await held.release({ by: 'all' }, NEVER)).toEqual([]);
  });
});

it('loses and doubles nothing beside workers that claim at the same time', async () => {
  const ids = await database.insert(...Array.from({ length: 2_500 }, () => ({})));
  const sent: string[] = [];
  const isOver = new AbortController();
  const work = async (name: string) => {
    const outbox = database.outbox({ workerId: name });
    while (!isOver.signal.aborted) {
      const claims = await outbox.claim({ ...CLAIM, limit: 50 });
      sent.push(...claims.map(({ id }) => id));
      await outbox.complete(claims.map(({ id }) => delivered(id)));
    }
  };
  const workers = [work('one'), work('two')];
  const onHold = await held.hold({ by: 'all' }, NEVER);
  // Rows that were locked at that time are sent.
  while ((await held.count({ by: 'all' })).waiting > 0)
    onHold.push(...(await held.hold({ by: 'all' }, NEVER)));
  isOver.abort();
  await Promise.all(workers);

  expect([...sent, ...onHold].sort()).toEqual(ids.toSorted());
  const rows = await database.query<{ status: string; count: number }>(
    'SELECT status, count(*)::int FROM outbound_deliveries GROUP BY status ORDER BY status',
  );
  expect(rows).toEqual([
    ...(sent.length === 0 ? [] : [{ status: 'delivered', count: sent.length }]),
    { status: 'queued', count: onHold.length },
  ]);
});
