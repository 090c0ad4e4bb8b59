import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '../../../lib/adapters/postgres/migrate.ts';
import { PostgresReceiptStore } from '../../../lib/adapters/postgres/postgres-receipt-store.ts';
import type { Log } from '../../../lib/ports/runtime.ts';
import { aReceipt } from '../../support/a-receipt.ts';
import { type OutboxDatabase, OutboxServer, openSession } from '../../support/outbox-database.ts';
import { canRunPgBouncer, PgBouncer, type PoolMode } from '../../support/pgbouncer.ts';

// On a build server a missing PgBouncer is an error of the set-up; on a laptop it only means fewer tests.
if (process.env.CI === 'true' && !canRunPgBouncer) throw new Error('CI has no PgBouncer');
if (!canRunPgBouncer)
  console.warn('Skipped: a real PgBouncer before PostgreSQL (needs the package pgbouncer).');

const CLAIM = { limit: 10, leaseMs: 60_000, route: 'smtp' } as const;

(canRunPgBouncer ? describe : describe.skip)('through PgBouncer', () => {
  let server: OutboxServer;
  beforeAll(async () => {
    server = await OutboxServer.start();
  });
  afterAll(() => server.close());

  describe.each<PoolMode>(['session', 'transaction'])('with %s pooling', (mode) => {
    let pooler: PgBouncer;
    let database: OutboxDatabase;
    let pooled: string;
    let watching: AbortController;

    beforeAll(async () => {
      pooler = await PgBouncer.start(server.postgres.port, mode);
    });
    afterAll(() => pooler.close());
    beforeEach(async () => {
      database = await server.database();
      pooled = pooler.urlOf(database.connectionString);
      watching = new AbortController();
    });
    afterEach(async () => {
      watching.abort();
      await database.close();
    });

    it('an outbox claims, renews, releases, completes and counts', async () => {
      const outbox = database.outbox({ connectionString: pooled });
      await database.insert({ id: 'a' }, { id: 'b' });

      const claims = await outbox.claim(CLAIM);
      await outbox.renew(['a', 'b'], 60_000);
      await outbox.release(['b']);
      const lost = await outbox.complete([completed('a')]);

      expect(claims.map(({ id }) => id).sort()).toEqual(['a', 'b']);
      expect(lost).toEqual([]);
      expect(await database.row('a')).toMatchObject({ status: 'delivered' });
      expect(await outbox.stats()).toMatchObject({ queued: 1 });
      await outbox.ping();
    });

    it('receipts are written to their rows', async () => {
      await database.insert({ id: 'a', status: 'sending', provider: 'ses' });
      const store = new PostgresReceiptStore({ connectionString: pooled, workerId: 'worker-1' });

      expect(await store.apply([aReceipt('a', 'delivered', ['marie@example.org'])])).toEqual(['entered']);

      await store.close();
    });

    it('a statement is cancelled after its time', async () => {
      const outbox = database.outbox({ connectionString: pooled, statementTimeoutMs: 300 });
      await database.insert({ id: 'a' });
      await outbox.claim(CLAIM);
      const holder = await openSession(database.connectionString);
      await holder.query(`BEGIN; SELECT FROM outbound_deliveries WHERE id = 'a' FOR UPDATE`);

      await expect(outbox.complete([completed('a')])).rejects.toMatchObject({ code: '57014' });

      await holder.end();
      expect(await outbox.complete([completed('a')])).toEqual([]);
    });

    it('the schema of the URL holds', async () => {
      await database.query('CREATE SCHEMA api; ALTER TABLE outbound_deliveries SET SCHEMA api');
      const outbox = database.outbox({ connectionString: `${pooled}?schema=api` });
      await database.query(
        `INSERT INTO api.outbound_deliveries (id, provider, status) VALUES ('a', 'email', 'queued')`,
      );

      expect((await outbox.claim(CLAIM)).map(({ id }) => id)).toEqual(['a']);
    });

    it('no setting is left to other clients', async () => {
      await database.query('CREATE SCHEMA api; ALTER TABLE outbound_deliveries SET SCHEMA api');
      const outbox = database.outbox({ connectionString: `${pooled}?schema=api` });
      await outbox.claim(CLAIM);
      await outbox.close();

      const other = await openSession(pooled);
      const { rows } = await other.query(`
        SELECT current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout,
          current_setting('jit') AS jit`);
      await other.end();

      const direct = await openSession(database.connectionString);
      const plain = await direct.query(`SELECT current_setting('jit') AS jit`);
      await direct.end();
      expect(rows).toEqual([{ path: '"$user", public', timeout: '0', ...plain.rows[0] }]);
    });

    if (mode === 'session') {
      it('notifications arrive', async () => {
        const heard: (() => void)[] = [];
        const next = () => new Promise<void>((resolve) => heard.push(resolve));
        const listening = next();
        const log = new RecordingLog();
        database.outbox({ connectionString: pooled, log }).watch(() => heard.shift()?.(), watching.signal);
        await listening;

        const arrived = next();
        await database.insert({});
        await arrived;

        expect(log.events).toEqual([]);
      });

      it('the migrations run', async () => {
        const empty = await server.database({ migrated: false });

        const { applied } = await migrate({ connectionString: pooler.urlOf(empty.connectionString) });

        expect(applied).not.toEqual([]);
        await empty.outbox({ connectionString: pooler.urlOf(empty.connectionString) }).ping();
        await empty.close();
      });
    } else {
      it('the lack of notifications is logged once, and listening ends', async () => {
        const log = new RecordingLog();
        const outbox = database.outbox({ connectionString: pooled, log });

        outbox.watch(() => {}, watching.signal);
        await log.next();
        // Waits until listening has ended.
        await outbox.close();

        expect(log.events).toEqual(['outbox-notifications-unavailable']);
      });

      it('the migrations are refused with the reason, and change nothing', async () => {
        const empty = await server.database({ migrated: false });

        await expect(
          migrate({ connectionString: pooler.urlOf(empty.connectionString) }),
        ).rejects.toMatchObject({
          code: 'ESETTINGS',
          message: expect.stringContaining('the migrations need a direct connection'),
        });

        expect(await empty.query(`SELECT to_regclass('outbound_migrations') AS found`)).toEqual([
          { found: null },
        ]);
      });
    }
  });
});

/** The events of warnings and errors. */
class RecordingLog implements Log {
  readonly events: string[] = [];
  #waiting: (() => void)[] = [];

  readonly info = () => {};
  readonly warn = (event: string) => {
    this.events.push(event);
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  };
  readonly error = this.warn;

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function completed(id: string) {
  return {
    id,
    next: { kind: 'delivered' },
    attempt: { at: '2026-01-01T00:00:00.000Z', outcome: 'taken', durationMs: 1, worker: 'worker-1' },
  } as const;
}
