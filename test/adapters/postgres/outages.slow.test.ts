import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PostgresOutbox } from '../../../lib/adapters/postgres/postgres-outbox.ts';
import type { Completion } from '../../../lib/ports/outbox.ts';
import { type OutboxDatabase, OutboxServer, openSession } from '../../support/outbox-database.ts';
import { StallingProxy } from './stalling-proxy.ts';

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

const claim = (outbox: PostgresOutbox, limit = 10) => outbox.claim({ limit, leaseMs: 60_000, route: 'smtp' });

const delivered = (id: string): Completion => ({
  id,
  next: { kind: 'delivered' },
  attempt: { at: '2026-11-22T10:00:00.000Z', outcome: 'taken', durationMs: 1, worker: 'worker-1' },
});

/** Retries until the outbox responds, and collects the errors. */
async function persist<Result>(call: () => Promise<Result>, failures: unknown[]): Promise<Result> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      failures.push(error);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const namesOf = (errors: readonly unknown[]) => [
  ...new Set(
    errors.map((error) =>
      typeof error === 'object' && error !== null && 'name' in error ? error.name : error,
    ),
  ),
];

describe('a server that restarts', () => {
  it.each(['fast', 'immediate'] as const)(
    '(%s) under load loses nothing, and is reconnected',
    async (how) => {
      await database.query(
        `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, created_at)
       SELECT 'mail-' || n, 'tenant-' || n % 5, 'email', 'queued', now() FROM generate_series(1, 3000) AS n`,
      );
      const failures: unknown[] = [];
      const settled: string[] = [];
      const work = async (outbox: PostgresOutbox) => {
        for (;;) {
          const claims = await persist(() => claim(outbox), failures);
          if (claims.length === 0) return;
          const lost = await persist(() => outbox.complete(claims.map(({ id }) => delivered(id))), failures);
          expect(lost).toEqual([]);
          settled.push(...claims.map(({ id }) => id));
        }
      };
      const outboxes = [1, 2, 3].map((n) => database.outbox({ workerId: `worker-${n}` }));
      const working = Promise.all(outboxes.map(work));

      for (const share of [500, 1_000]) {
        while (settled.length < share) await new Promise((resolve) => setImmediate(resolve));
        await server.postgres.restart(how);
      }
      await working;

      expect(failures.length).toBeGreaterThan(0);
      expect(namesOf(failures)).toEqual(['OutboxUnavailableError']);
      expect(new Set(settled).size).toBe(settled.length);
      // A claim whose response was lost is leased, but no worker knows of it until the lease ends.
      await database.query(
        `UPDATE outbound_deliveries SET lease_until = now() - interval '1 second' WHERE status = 'sending'`,
      );
      await Promise.all(outboxes.map(work));
      expect(new Set(settled).size).toBe(3_000);
      const rows = await database.query(
        `SELECT status, jsonb_array_length(delivery_trace -> 'attempts') AS attempts, count(*)::int AS rows
       FROM outbound_deliveries GROUP BY 1, 2`,
      );
      expect(rows).toEqual([{ status: 'delivered', attempts: 1, rows: 3_000 }]);
    },
  );

  it('is unavailable while it is down, and its idle connections break without unhandled errors', async () => {
    const outbox = database.outbox();
    await database.insert({});
    await Promise.all([outbox.stats(), outbox.stats(), outbox.stats()]);

    await server.postgres.stop();
    await expect(claim(outbox)).rejects.toMatchObject({
      name: 'OutboxUnavailableError',
      code: expect.stringMatching(/^(ECONNREFUSED|ECONNRESET|57P0\d|DISCONNECTED)$/),
      cause: expect.anything(),
    });
    await server.postgres.start();

    expect(await claim(outbox)).toHaveLength(1);
  });
});

describe('a server that becomes read-only', () => {
  it('is unavailable until it is writable again', async () => {
    await database.insert({});
    const outbox = database.outbox();
    await outbox.stats();
    await setReadOnly(true);
    await terminateOthers();

    const failures: unknown[] = [];
    for (let n = 0; n < 5; n += 1) await claim(outbox).catch((error: unknown) => failures.push(error));

    expect(failures).toHaveLength(5);
    expect(namesOf(failures)).toEqual(['OutboxUnavailableError']);
    expect(failures.at(-1)).toMatchObject({ code: '25006' });
    await setReadOnly(false);
    expect(await claim(outbox)).toHaveLength(1);
  });

  it('is detected by one connection, and the others are not used any more', async () => {
    await database.insert({});
    await setReadOnly(true);
    const outbox = database.outbox();
    await Promise.all([outbox.stats(), outbox.stats(), outbox.stats(), outbox.stats()]);
    await setReadOnly(false);

    await expect(claim(outbox)).rejects.toMatchObject({ code: '25006' });

    expect(await claim(outbox)).toHaveLength(1);
  });

  async function setReadOnly(readOnly: boolean): Promise<void> {
    const session = await openSession(server.postgres.connectionString);
    await session.query(
      `ALTER DATABASE ${database.name} SET default_transaction_read_only = ${readOnly ? 'on' : 'off'}`,
    );
    await session.end();
  }

  async function terminateOthers(): Promise<void> {
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
  }
});

describe('a server that hangs', () => {
  let proxy: StallingProxy;
  let connectionString: string;
  beforeEach(async () => {
    proxy = await StallingProxy.start(server.postgres.port);
    const url = new URL(database.connectionString);
    url.port = String(proxy.port);
    connectionString = url.href;
  });
  afterEach(() => proxy.close());

  it('blocks an idle and a new connection only until the configured time-outs', async () => {
    await database.insert({});
    const outbox = database.outbox({ connectionString, connectTimeoutMs: 300, statementTimeoutMs: 1_000 });
    await outbox.stats();
    proxy.stall();

    const begun = performance.now();
    await expect(claim(outbox)).rejects.toMatchObject({ name: 'OutboxUnavailableError', code: 'TIMEOUT' });
    const statementMs = performance.now() - begun;
    await expect(claim(outbox)).rejects.toMatchObject({ name: 'OutboxUnavailableError', code: 'TIMEOUT' });
    const connectMs = performance.now() - begun - statementMs;

    expect(statementMs).toBeLessThan(5_000);
    expect(connectMs).toBeLessThan(5_000);
    proxy.resume();
    expect(await claim(outbox)).toHaveLength(1);
  });

  it('does not block the close', async () => {
    const outbox = database.outbox({ connectionString });
    await outbox.stats();
    const watched = new Promise<void>((resolve) => outbox.watch(resolve, new AbortController().signal));
    await watched;
    proxy.stall();

    const begun = performance.now();
    await outbox.close();

    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});

describe('an outbox that is closed', () => {
  it('waits for calls in progress, and then accepts no more', async () => {
    await database.insert({});
    const outbox = database.outbox();
    const claiming = claim(outbox);
    await new Promise((resolve) => setImmediate(resolve));

    await outbox.close();

    expect(await claiming).toHaveLength(1);
    await expect(claim(outbox)).rejects.toThrow('closed');
    await outbox.close();
  });
});
