import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { coalesce } from '../../../lib/adapters/postgres/arrivals-listener.ts';
import type { PostgresOutbox } from '../../../lib/adapters/postgres/postgres-outbox.ts';
import { type OutboxDatabase, OutboxServer } from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
let watching: AbortController;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  database = await server.database();
  watching = new AbortController();
});
afterEach(async () => {
  watching.abort();
  await database.close();
});

/** Counts the calls of a listener, and lets a test wait for the next one. */
class Calls {
  count = 0;
  #waiting: (() => void)[] = [];

  readonly listener = () => {
    this.count += 1;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  };

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}

async function watch(outbox: PostgresOutbox): Promise<Calls> {
  const calls = new Calls();
  const listening = calls.next();
  outbox.watch(calls.listener, watching.signal);
  await listening;
  return calls;
}

/** Notifications arrive in order: when this one is here, all earlier ones have arrived. */
async function quiet(calls: Calls): Promise<void> {
  const next = calls.next();
  await database.query(`SELECT pg_notify('outbound_deliveries', '')`);
  await next;
}

describe('a watched outbox', () => {
  it('calls the listener after each insert, without polling', async () => {
    const calls = await watch(database.outbox());
    const before = calls.count;

    for (let round = 0; round < 20; round += 1) {
      const next = calls.next();
      await Promise.all([next, database.insert({})]);
    }

    expect(calls.count).toBe(before + 20);
  });

  it('coalesces a thousand inserts into one or two calls', async () => {
    const calls = await watch(database.outbox());
    const next = calls.next();

    await database.query(`DO $$
      BEGIN
        FOR n IN 1..1000 LOOP
          INSERT INTO outbound_deliveries (id, provider, status) VALUES ('mail-' || n, 'email', 'queued');
        END LOOP;
      END $$`);
    await next;

    expect(calls.count - 1).toBeLessThanOrEqual(2);
  });

  it('calls for what an operator requeues, or another worker releases', async () => {
    const calls = await watch(database.outbox());
    const [failed] = await database.insert({ status: 'failed' }, {});
    await quiet(calls);

    const resent = calls.next();
    await database.query(`UPDATE outbound_deliveries SET status = 'queued' WHERE id = $1`, [failed]);
    await resent;

    await quiet(calls);
    const other = database.outbox({ workerId: 'worker-2' });
    const claims = await other.claim({ limit: 10, leaseMs: 60_000, route: 'smtp' });
    const released = calls.next();
    await other.release(claims.map(({ id }) => id));
    await released;
  });

  it('is not notified of its own changes', async () => {
    const outbox = database.outbox();
    await database.insert({ id: 'a' }, { id: 'b' });
    const calls = await watch(outbox);

    await outbox.claim({ limit: 10, leaseMs: 60_000, route: 'smtp' });
    await outbox.renew(['a', 'b'], 60_000);
    await outbox.release(['b']);
    await outbox.complete([
      {
        id: 'a',
        next: { kind: 'queued', retryAfterMs: 60_000, owed: [], reason: 'later' },
        attempt: { at: new Date().toISOString(), outcome: 'not-accepted', durationMs: 1, worker: 'worker-1' },
      },
    ]);

    await quiet(calls);
    // One when listening began, and the one from quiet().
    expect(calls.count).toBe(2);
  });

  it('calls again when the server is back, and for later inserts', async () => {
    const calls = await watch(database.outbox());
    const back = calls.next();

    await server.postgres.restart();

    await back;
    const next = calls.next();
    await database.insert({});
    await next;
  });

  it('connects to a server that starts later', async () => {
    const calls = new Calls();
    await server.postgres.stop();
    const listening = calls.next();

    database.outbox().watch(calls.listener, watching.signal);
    await server.postgres.start();

    await listening;
  });

  it('closes its connection with the signal', async () => {
    const calls = await watch(database.outbox({ workerId: 'worker-quiet' }));

    watching.abort();
    while ((await listenersOf('worker-quiet')) > 0);
    await database.insert({});

    expect(calls.count).toBe(1);
  });
});

describe('calls in a burst', () => {
  it('become one call at once and one at the end', async () => {
    const calls = new Calls();
    const call = coalesce(calls.listener, 5, new AbortController().signal);

    call();
    expect(calls.count).toBe(1);
    const last = calls.next();
    for (let n = 0; n < 100; n += 1) call();
    expect(calls.count).toBe(1);
    await last;

    expect(calls.count).toBe(2);
  });
});

async function listenersOf(workerId: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1`,
    [`outbound ${workerId} (listens)`],
  );
  return row?.count ?? 0;
}
