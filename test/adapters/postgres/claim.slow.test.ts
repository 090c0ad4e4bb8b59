import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CLAIM, type ClaimedRow, claimParameters } from '../../../lib/adapters/postgres/claim.ts';
import { completeAll } from '../../../lib/adapters/postgres/complete.ts';
import { ConnectionPool } from '../../../lib/adapters/postgres/connection.ts';
import type { PostgresOutbox } from '../../../lib/adapters/postgres/postgres-outbox.ts';
import { CANDIDATES, candidateParameters, Scout } from '../../../lib/adapters/postgres/scout.ts';
import { DAY_MS } from '../../../lib/common/time.ts';
import type { Claim, Completion, LeaseRoute } from '../../../lib/ports/outbox.ts';
import {
  type OutboxDatabase,
  OutboxServer,
  openSession,
  PLAIN_TRACE,
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

const claim = (outbox: PostgresOutbox, limit = 100, route: LeaseRoute = 'smtp'): Promise<Claim[]> =>
  outbox.claim({ limit, leaseMs: 60_000, route });

const idsOf = (claims: readonly Claim[]) => claims.map(({ id }) => id);

const delivered = (id: string): Completion => ({
  id,
  next: { kind: 'delivered' },
  attempt: { at: '2026-11-22T10:00:00.000Z', outcome: 'taken', durationMs: 1, worker: 'worker-1' },
});

const agoSeconds = (seconds: number) => new Date(Date.now() - seconds * 1_000);

describe('a claim', () => {
  it('returns all that a worker needs of a delivery, and leases it', async () => {
    const createdAt = agoSeconds(60);
    await database.insert({
      id: 'mail-1',
      tenant_id: 'tenant-7',
      attempt_count: 2,
      created_at: createdAt,
      next_retry_at: agoSeconds(5),
      expires_at: new Date('2100-01-01T00:00:00Z'),
      owed_recipients: ['paul@example.org'],
    });

    const [claimed] = await claim(database.outbox({ workerId: 'worker-9' }));

    expect(claimed).toEqual({
      id: 'mail-1',
      tenantId: 'tenant-7',
      priority: 0,
      bytes: JSON.stringify(PLAIN_TRACE).length + 7,
      mail: {
        kind: 'mail',
        fields: {
          from: PLAIN_TRACE.fromAddress,
          replyTo: PLAIN_TRACE.replyToAddress,
          to: 'marie@example.org',
          subject: PLAIN_TRACE.emailSubject,
          text: PLAIN_TRACE.emailBody,
        },
      },
      owed: ['paul@example.org'],
      createdAt,
      expiresAt: new Date('2100-01-01T00:00:00Z'),
      waitedMs: expect.closeTo(5_000, -4),
      attempts: 3,
      reclaimed: false,
    });
    const row = await database.row('mail-1');
    expect(row).toMatchObject({
      status: 'sending',
      provider: 'email',
      attempt_count: 3,
      lease_route: 'smtp',
    });
    expect(row.lease_owner).toMatch(/^worker-9\//);
    expect(Number(row.lease_until) - Date.now()).toBeGreaterThan(50_000);
  });

  it('reads a whole message if there is one, and applies the default time to live', async () => {
    const createdAt = agoSeconds(10);
    const mail = { from: 'a@keybuzz.io', to: ['b@example.org'], cc: ['c@example.org'], text: 'x' };
    await database.insert({ mail, created_at: createdAt });

    const [claimed] = await claim(database.outbox({ defaultTimeToLiveMs: DAY_MS }));

    expect(claimed?.mail).toEqual({ kind: 'mail', fields: mail });
    expect(claimed?.expiresAt).toEqual(new Date(createdAt.getTime() + DAY_MS));
  });

  it('treats a row without a date as created now, and claims it first', async () => {
    await database.insert({ id: 'dated' }, { id: 'undated', created_at: null });

    const claims = await claim(database.outbox());

    expect(idsOf(claims)).toEqual(['undated', 'dated']);
    expect(Math.abs(Number(claims[0]?.createdAt) - Date.now())).toBeLessThan(5_000);
  });

  it('skips what is not due, not queued, or of another provider', async () => {
    await database.insert(
      { id: 'due' },
      { id: 'due-again', next_retry_at: agoSeconds(1) },
      { id: 'ahead', created_at: new Date(Date.now() + DAY_MS) },
      { id: 'later', next_retry_at: new Date(Date.now() + 60_000) },
      { id: 'done', status: 'delivered' },
      { id: 'never', status: 'failed' },
      { id: 'sent-by-the-api', status: 'sending' },
      { id: 'handed-over', status: 'sending', provider: 'ses' },
      { id: 'foreign', provider: 'spapi' },
      { id: 'mock', provider: 'mock' },
      { id: 'nobody', provider: null },
    );

    expect(idsOf(await claim(database.outbox())).sort()).toEqual(['ahead', 'due', 'due-again']);
    expect(await database.row('foreign')).toMatchObject({
      status: 'queued',
      attempt_count: 0,
      lease_owner: null,
    });
    const two = database.outbox({ providers: ['mock', 'spapi'] });
    expect(idsOf(await claim(two)).sort()).toEqual(['foreign', 'mock']);
  });

  it('claims urgent deliveries first, and the oldest of a tenant first', async () => {
    await database.insert(
      { id: 'newsletter-2', created_at: agoSeconds(50) },
      { id: 'newsletter-1', created_at: agoSeconds(100) },
      { id: 'retry', created_at: agoSeconds(500), next_retry_at: agoSeconds(75) },
      { id: 'otp', priority: 10, created_at: agoSeconds(1) },
      { id: 'bulk', priority: -5, created_at: agoSeconds(900) },
    );
    const outbox = database.outbox();

    expect(idsOf(await claim(outbox, 3))).toEqual(['otp', 'newsletter-1', 'retry']);
    expect(idsOf(await claim(outbox, 3))).toEqual(['newsletter-2', 'bulk']);
  });

  it('serves tenants in turn, across claims', async () => {
    const many = Array.from({ length: 50 }, (_, n) => ({
      id: `b-${n}`,
      tenant_id: 'b',
      created_at: agoSeconds(900),
    }));
    const few = ['a', 'c', 'd', 'e', 'f', 'g'].flatMap((tenant) =>
      [1, 2].map((n) => ({ id: `${tenant}-${n}`, tenant_id: tenant, created_at: agoSeconds(100 - n) })),
    );
    await database.insert(...many, ...few, { id: 'none-1', tenant_id: null });
    const outbox = database.outbox();
    const turns: string[] = [];
    while (turns.length < 18) {
      turns.push(...(await claim(outbox, 3)).map(({ tenantId }) => tenantId ?? 'none'));
    }

    const circle = [...'abcdefg', 'none', ...'abcdefg'];
    expect(turns.join(' ')).toBe([...circle, 'b', 'b', 'b'].join(' '));
  });

  it('gives a whole batch to one tenant if no other has deliveries', async () => {
    await database.insert(...Array.from({ length: 30 }, () => ({ tenant_id: 'only' })));

    expect(await claim(database.outbox(), 25)).toHaveLength(25);
  });

  it('skips rows that are locked, and fills up with others', async () => {
    const ids = await database.insert(...Array.from({ length: 10 }, (_, n) => ({ id: `mail-${n}` })));
    const session = await openSession(database.connectionString);
    await session.query(`BEGIN; SELECT FROM outbound_deliveries WHERE id IN ('mail-0', 'mail-3') FOR UPDATE`);

    const claims = await claim(database.outbox(), 8);

    expect(idsOf(claims).sort()).toEqual(ids.filter((id) => !['mail-0', 'mail-3'].includes(id)).sort());
    await session.end();
  });

  it('never gives a delivery to two of eight workers', async () => {
    await database.query(
      `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, created_at, priority)
       SELECT 'mail-' || n, 'tenant-' || n % 7, 'email', 'queued', now(), n % 2 FROM generate_series(1, 2000) AS n`,
    );
    const everything: string[] = [];

    await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        const outbox = database.outbox({ workerId: `worker-${n}`, maxConnections: 3 });
        const drain = async () => {
          for (;;) {
            const claims = await claim(outbox, 17);
            if (claims.length === 0) return;
            everything.push(...idsOf(claims));
          }
        };
        await Promise.all([drain(), drain(), drain()]);
      }),
    );

    expect(everything).toHaveLength(2_000);
    expect(new Set(everything).size).toBe(2_000);
    expect(await database.query('SELECT FROM outbound_deliveries WHERE attempt_count <> 1')).toEqual([]);
  });

  it('fetches a limited amount of mail, and large mails only when they are read', async () => {
    // Uncompressed, like the base64 of an attachment, which does not compress.
    await database.query('ALTER TABLE outbound_deliveries ALTER mail SET STORAGE EXTERNAL');
    await database.insert(
      ...Array.from({ length: 8 }, (_, n) => ({
        id: `mail-${n}`,
        mail: mailOf(3.5),
        created_at: agoSeconds(30 - n),
      })),
      { id: 'large', mail: mailOf(20), created_at: agoSeconds(8) },
      { id: 'huge', mail: mailOf(60), created_at: agoSeconds(7) },
      { id: 'small', created_at: agoSeconds(6) },
    );
    const outbox = database.outbox();

    expect(await claim(outbox)).toHaveLength(7);
    const claims = await claim(outbox);

    expect(claims.map(({ id, mail }) => [id, mail.kind])).toEqual([
      ['mail-7', 'mail'],
      ['large', 'large'],
      ['huge', 'large'],
      ['small', 'mail'],
    ]);
    expect(await readLarge(claims[1])).toMatchObject({ mail: { kind: 'mail', fields: { to: 'b@c.io' } } });
    expect(await readLarge(claims[2])).toMatchObject({
      mail: { kind: 'unreadable', reason: 'too-large' },
    });
  });

  it('judges a mail by what it may take unpacked, and does not unpack it to learn that', async () => {
    await database.insert(...Array.from({ length: 6 }, (_, n) => ({ id: `zeros-${n}`, mail: mailOf(33) })));
    const claims = await claim(database.outbox());

    expect(claims.map(({ mail }) => mail.kind)).toEqual(['large', 'large', 'large', 'large']);
    expect(await readLarge(claims[0])).toMatchObject({ mail: { kind: 'mail' } });
  });

  it('fetches no mail at all, or no large one, if asked so', async () => {
    await database.insert({ id: 'large', mail: mailOf(33), created_at: agoSeconds(9) }, { id: 'small' });
    const request = { limit: 10, leaseMs: 60_000, route: 'smtp' } as const;

    const small = await database.outbox().claim({ ...request, large: false });
    await database.insert({ id: 'other' });
    const bare = await database.outbox().claim({ ...request, maxBytes: 0 });

    expect(idsOf(small)).toEqual(['small']);
    expect(bare.map(({ id, mail }) => [id, mail.kind])).toEqual([
      ['large', 'large'],
      ['other', 'large'],
    ]);
    expect(await readLarge(bare[1])).toMatchObject({
      mail: { kind: 'mail', fields: { subject: PLAIN_TRACE.emailSubject } },
    });
  });

  it('reports with a large mail which recipients SES has', async () => {
    await database.insert({
      id: 'large',
      mail: mailOf(33),
      delivery_trace: { recipients: { 'b@c.io': { kind: 'sent', sesMessageId: 'ses-1' } } },
    });

    const [claimed] = await claim(database.outbox());

    expect(await readLarge(claimed)).toMatchObject({ inSes: ['b@c.io'] });
  });

  it('of urgent mail leaves what is not more urgent', async () => {
    await database.insert({ id: 'normal' }, { id: 'urgent', priority: 10 }, { id: 'most', priority: 11 });

    const claims = await database
      .outbox()
      .claim({ limit: 10, leaseMs: 60_000, route: 'smtp', abovePriority: 10 });

    expect(claims).toMatchObject([{ id: 'most', priority: 11 }]);
  });
});

/** Of so many megabytes, which compress to nearly nothing. */
function mailOf(megabytes: number) {
  return { from: 'a@keybuzz.io', to: 'b@c.io', text: 'x'.repeat(megabytes * 1024 * 1024) };
}

async function readLarge(claimed: Claim | undefined) {
  if (claimed?.mail.kind !== 'large') throw new Error(`not a large mail: ${claimed?.mail.kind}`);
  return await claimed.mail.read();
}

describe('an expired lease', () => {
  it.each([
    ['smtp', true],
    ['queue', false],
  ] as const)('by %s is taken over, SMTP may have the mail: %s', async (lease_route, takenOver) => {
    await database.insert({
      id: 'mail-1',
      status: 'sending',
      attempt_count: 1,
      lease_owner: 'worker-crashed/1',
      lease_until: agoSeconds(3),
      lease_route,
    });

    const claims = await claim(database.outbox(), 10, 'queue');

    expect(claims).toMatchObject([
      { id: 'mail-1', reclaimed: takenOver, attempts: 2, waitedMs: expect.closeTo(3_000, -4) },
    ]);
  });

  it('is not taken over if the claim is only for what waits', async () => {
    await database.insert({ status: 'sending', lease_owner: 'worker-2/1', lease_until: agoSeconds(5) });

    const claims = await database
      .outbox()
      .claim({ limit: 10, leaseMs: 60_000, route: 'smtp', takeOver: false });

    expect(claims).toEqual([]);
  });

  it('is not taken over before it ends, or if it is of another provider', async () => {
    const leased = { status: 'sending', lease_owner: 'worker-2/1', lease_route: 'smtp' };
    await database.insert(
      { ...leased, lease_until: new Date(Date.now() + 5_000) },
      { ...leased, lease_until: agoSeconds(5), provider: 'spapi' },
    );

    expect(await claim(database.outbox())).toEqual([]);
  });

  it('remains marked as SMTP until it is completed, across any number of crashes', async () => {
    await database.insert({ id: 'mail-1' });
    const routes: LeaseRoute[] = ['smtp', 'queue', 'queue'];
    const seen: boolean[] = [];

    for (const route of routes) {
      const [claimed] = await claim(database.outbox(), 1, route);
      seen.push(claimed?.reclaimed === true);
      await database.query(`UPDATE outbound_deliveries SET lease_until = now() - interval '1 second'`);
    }

    expect(seen).toEqual([false, true, true]);
  });

  it('is not taken over by the worker that is still processing it', async () => {
    await database.insert({ id: 'mail-1' });
    const outbox = database.outbox();
    await claim(outbox);
    await database.query(`UPDATE outbound_deliveries SET lease_until = now() - interval '1 second'`);

    expect(await claim(outbox)).toEqual([]);
    expect(idsOf(await claim(database.outbox()))).toEqual(['mail-1']);
  });

  it('is extended by renewing, if it is still the lease of the worker', async () => {
    await database.insert({ id: 'mail-1' }, { id: 'mail-2' });
    const outbox = database.outbox();
    await claim(outbox);
    await database.query(`UPDATE outbound_deliveries SET lease_until = now() + interval '1 second'`);
    await database.query(`UPDATE outbound_deliveries SET lease_owner = 'worker-2/1' WHERE id = 'mail-2'`);

    const renewal = await outbox.renew(['mail-1', 'mail-2'], 90_000);

    expect(renewal).toEqual({ renewed: ['mail-1'], lost: ['mail-2'] });
    expect(Number((await database.row('mail-1')).lease_until) - Date.now()).toBeGreaterThan(80_000);
    expect(Number((await database.row('mail-2')).lease_until) - Date.now()).toBeLessThan(2_000);
  });
});

describe('a renewal', () => {
  it('does not count a row that another session holds: its lease may end', async () => {
    await database.insert({ id: 'mail-1' }, { id: 'mail-2' });
    const outbox = database.outbox();
    await claim(outbox);
    const session = await openSession(database.connectionString);
    await session.query(`BEGIN; SELECT FROM outbound_deliveries WHERE id = 'mail-1' FOR UPDATE`);

    expect(await outbox.renew(['mail-1', 'mail-2'], 60_000)).toEqual({ renewed: ['mail-2'], lost: [] });
    await session.end();
  });
});

describe('a release', () => {
  it('restores the row as it was before the claim', async () => {
    const retryAt = agoSeconds(60);
    const [id = ''] = await database.insert({ attempt_count: 3, next_retry_at: retryAt });
    const outbox = database.outbox();
    await claim(outbox);

    await outbox.release([id]);

    expect(await database.row(id)).toMatchObject({
      status: 'queued',
      attempt_count: 3,
      next_retry_at: retryAt,
      lease_owner: null,
      lease_until: null,
      lease_route: null,
    });
    expect(idsOf(await claim(outbox))).toEqual([id]);
  });

  it('keeps that SMTP may have the mail', async () => {
    const [id = ''] = await database.insert({
      status: 'sending',
      lease_owner: 'worker-crashed/1',
      lease_until: agoSeconds(3),
      lease_route: 'smtp',
    });
    const outbox = database.outbox();
    await claim(outbox);

    await outbox.release([id]);

    expect(await claim(database.outbox())).toMatchObject([{ id, reclaimed: true, attempts: 1 }]);
  });

  it('changes no row that another worker has leased or that has ended', async () => {
    await database.insert({ id: 'lost' }, { id: 'stopped' });
    const outbox = database.outbox();
    await claim(outbox);
    await database.query(`UPDATE outbound_deliveries SET lease_owner = 'worker-2/1' WHERE id = 'lost'`);
    await database.query(`UPDATE outbound_deliveries SET status = 'failed' WHERE id = 'stopped'`);

    await outbox.release(['lost', 'stopped', 'unknown']);

    expect(await database.row('lost')).toMatchObject({ status: 'sending', lease_owner: 'worker-2/1' });
    expect(await database.row('stopped')).toMatchObject({ status: 'failed', lease_owner: null });
  });
});

describe('a long queue', () => {
  it('is not scanned, even without planner statistics', async () => {
    await database.query('ALTER TABLE outbound_deliveries SET (autovacuum_enabled = off)');
    await database.query('ANALYZE outbound_deliveries');
    await database.query(
      `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, created_at)
       SELECT 'mail-' || n, CASE WHEN n <= 20000 THEN 'big' ELSE 'tenant-' || n % 100 END, 'email', 'queued', now()
       FROM generate_series(1, 21000) AS n`,
    );
    const session = await openSession(database.connectionString);
    await session.query('SET jit = off');

    const { rows } = await session.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) ${CANDIDATES}`,
      candidateParameters({
        providers: ['email'],
        queues: ['tenant-50', 'tenant-51', 'big'].map((tenant) => ({
          priority: 0,
          tenant,
          since: '-infinity',
          micros: Number.NEGATIVE_INFINITY,
          id: '',
          passed: false,
        })),
        pages: [{ priority: 0, ofQueue: 34, ofAll: 102 }],
        inHand: [],
      }),
    );
    const claimed = await session.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) ${CLAIM}`,
      claimParameters({
        worker: 'worker-1/1',
        providers: ['email'],
        limit: 100,
        leaseMs: 60_000,
        route: 'smtp',
        candidates: Array.from({ length: 100 }, (_, n) => `mail-${n + 1}`),
        endedSince: '-infinity',
        inHand: [],
      }),
    );
    rows.push(...claimed.rows);

    await session.end();
    const plan = rows.map((row) => row['QUERY PLAN']);
    const produced = plan.map((line) => Number(/actual rows=([\d.]+)/.exec(line)?.[1] ?? 0));
    expect(Math.max(...produced)).toBeLessThanOrEqual(200);
    expect(plan.join('\n')).not.toMatch(/Seq Scan/);
    expect(plan.join('\n')).not.toMatch(/Rows Removed by Filter: \d{3,}/);
  });

  it('is not scanned by plans that a session has kept since the table was empty', async () => {
    await database.query('ALTER TABLE outbound_deliveries SET (autovacuum_enabled = off)');
    await database.query('VACUUM ANALYZE outbound_deliveries');
    const settings = { connectionString: database.connectionString, maxConnections: 1 };
    const pool = new ConnectionPool(settings, 'test', { keepsPlans: true });
    const scout = new Scout(pool, ['email']);
    const claimAndComplete = async () => {
      await scout.look();
      const { candidates } = await scout.propose(100, []);
      const claim = { worker: 'worker-1/1', providers: ['email'], limit: 100, leaseMs: 60_000 } as const;
      const rows = await pool.query<ClaimedRow>(
        'claim',
        CLAIM,
        claimParameters({
          ...claim,
          route: 'smtp',
          candidates: candidates.map(({ id }) => id),
          endedSince: null,
          inHand: [],
        }),
      );
      await completeAll(pool, 'worker-1/1', ['mail-0', ...rows.map(({ id }) => id)].map(delivered));
      return rows.length;
    };
    const rowsScanned = async () => {
      await pool.query('count', 'SELECT pg_stat_force_next_flush()', []);
      const [row] = await database.query<{ scanned: string }>(
        `SELECT seq_tup_read AS scanned FROM pg_stat_user_tables WHERE relname = 'outbound_deliveries'`,
      );
      return Number(row?.scanned);
    };
    await claimAndComplete();
    const before = await rowsScanned();
    await database.query(
      `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, created_at)
       SELECT 'mail-' || n, 'tenant-' || n % 100, 'email', 'queued', now() FROM generate_series(1, 3000) AS n`,
    );

    expect(await claimAndComplete()).toBe(100);

    expect(await rowsScanned()).toBe(before);
    await scout.close();
    await pool.close();
  });

  it('is counted, and its age is that of the oldest due delivery', async () => {
    const outbox = database.outbox();
    expect(await outbox.stats()).toEqual({ queued: 0, oldestDueSeconds: 0 });
    await database.insert(
      { created_at: agoSeconds(40) },
      { tenant_id: 'b', priority: 3, created_at: agoSeconds(900), next_retry_at: agoSeconds(90) },
      { created_at: agoSeconds(5_000), next_retry_at: new Date(Date.now() + 60_000) },
      { created_at: agoSeconds(5_000), provider: 'spapi' },
      { created_at: agoSeconds(5_000), status: 'failed' },
    );

    expect(await outbox.stats()).toEqual({ queued: 3, oldestDueSeconds: expect.closeTo(90, -1) });
  });
});
