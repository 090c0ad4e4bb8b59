import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PostgresOutbox } from '../../../lib/adapters/postgres/postgres-outbox.ts';
import type { Completion, NextState, TraceAttempt } from '../../../lib/ports/outbox.ts';
import {
  type OutboxDatabase,
  OutboxServer,
  openSession,
  PLAIN_TRACE,
} from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
let outbox: PostgresOutbox;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  database = await server.database();
  outbox = database.outbox();
});
afterEach(() => database.close());

const claimAll = () => outbox.claim({ limit: 100, leaseMs: 60_000, route: 'smtp' });

function anAttempt(fields: Partial<TraceAttempt> = {}): TraceAttempt {
  return {
    at: '2026-11-22T10:00:00.000Z',
    outcome: 'taken',
    durationMs: 12,
    worker: 'worker-1',
    messageId: '<1@keybuzz.io>',
    smtp: { recipients: ['marie@example.org'], response: '250 2.0.0 queued as 4F1' },
    ...fields,
  };
}

const delivered = (id: string): Completion => ({ id, next: { kind: 'delivered' }, attempt: anAttempt() });

const later = (id: string): Completion => ({
  id,
  next: { kind: 'queued', retryAfterMs: 60_000, owed: ['paul@example.org'], reason: 'SQS is down' },
  attempt: anAttempt({ outcome: 'not-accepted' }),
});

async function attemptsOf(id: string): Promise<unknown> {
  const { delivery_trace: trace } = await database.row(id);
  return typeof trace === 'object' && trace !== null && 'attempts' in trace ? trace.attempts : undefined;
}

describe('a completion', () => {
  const states: [NextState, object][] = [
    [
      { kind: 'delivered' },
      { status: 'delivered', provider: 'smtp', delivered_at: expect.any(Date), last_error: null },
    ],
    [{ kind: 'handed-over' }, { status: 'sending', provider: 'ses', delivered_at: null, last_error: null }],
    [
      { kind: 'held', reason: 'SMTP may have it' },
      { status: 'sending', provider: 'smtp', delivered_at: null, last_error: 'SMTP may have it' },
    ],
    [
      { kind: 'failed', reason: 'no recipient' },
      { status: 'failed', provider: 'email', delivered_at: null, last_error: 'no recipient' },
    ],
    [
      { kind: 'queued', retryAfterMs: 60_000, owed: ['paul@example.org'], reason: 'SQS is down' },
      {
        status: 'queued',
        provider: 'email',
        last_error: 'SQS is down',
        owed_recipients: ['paul@example.org'],
      },
    ],
  ];

  it.each(states)('writes %j and ends the lease', async (next, expected) => {
    const [id = ''] = await database.insert({ last_error: 'from before' });
    await claimAll();

    expect(await outbox.complete([{ id, next, attempt: anAttempt() }])).toEqual([]);

    const row = await database.row(id);
    expect(row).toMatchObject({
      ...expected,
      attempt_count: 1,
      lease_owner: null,
      lease_until: null,
      lease_route: null,
    });
    expect(row.delivery_trace).toEqual({ ...PLAIN_TRACE, attempts: [anAttempt()] });
    const retryInMs = row.next_retry_at === null ? 0 : Number(row.next_retry_at) - Date.now();
    expect(Math.round(retryInMs / 10_000)).toBe(next.kind === 'queued' ? 6 : 0);
  });

  it('is written with a hundred others, each with its own state', async () => {
    const ids = await database.insert(...Array.from({ length: 100 }, () => ({})));
    await claimAll();

    await outbox.complete(ids.map((id, index) => (index % 2 === 0 ? delivered(id) : later(id))));

    const counts = await database.query(
      'SELECT status, count(*)::int AS rows FROM outbound_deliveries GROUP BY status ORDER BY status',
    );
    expect(counts).toEqual([
      { status: 'delivered', rows: 50 },
      { status: 'queued', rows: 50 },
    ]);
  });

  it('removes nothing from the trace, for any trace', async () => {
    const traces = fc.oneof(
      fc.jsonValue(),
      fc.record({ attempts: fc.jsonValue() }),
      fc.record({ attempts: fc.array(fc.jsonValue()), emailBody: fc.string() }),
    );
    await fc.assert(
      fc.asyncProperty(traces, async (trace) => {
        const storable = JSON.parse(JSON.stringify(trace).replaceAll('\\u0000', ''));
        const [id = ''] = await database.insert({ delivery_trace: storable });
        await claimAll();
        await outbox.complete([later(id)]);
        await database.query('UPDATE outbound_deliveries SET next_retry_at = NULL WHERE id = $1', [id]);
        await claimAll();
        await outbox.complete([delivered(id)]);

        const before = await database.query<{ trace: unknown }>('SELECT $1::jsonb AS trace', [
          JSON.stringify(storable),
        ]);
        const { delivery_trace: after } = await database.row(id);
        expect(after).toEqual(withAttempts(before[0]?.trace, [later(id).attempt, anAttempt()]));
      }),
      { numRuns: 40 },
    );
  });

  it('stores any response of an SMTP server', async () => {
    const [id = ''] = await database.insert({});
    await claimAll();

    await outbox.complete([
      {
        id,
        next: { kind: 'failed', reason: 'nul \0, half \ud83d, quote " and \\u0000' },
        attempt: anAttempt({ failure: { 'odd\0key': '554 \0\ud83d' } }),
      },
    ]);

    expect((await database.row(id)).last_error).toBe('nul \ufffd, half \ufffd, quote " and \\u0000');
    expect(await attemptsOf(id)).toEqual([anAttempt({ failure: { 'odd\ufffdkey': '554 \ufffd\ufffd' } })]);
  });

  it.each([Number.POSITIVE_INFINITY, Number.NaN, -5, 1e300])(
    'accepts %d as the delay of a retry',
    async (retryAfterMs) => {
      const [id = ''] = await database.insert({});
      await claimAll();

      await outbox.complete([
        { id, next: { kind: 'queued', retryAfterMs, owed: [], reason: '' }, attempt: anAttempt() },
      ]);

      expect((await database.row(id)).status).toBe('queued');
    },
  );
});

describe('a completion whose lease was lost', () => {
  it('leaves the state to the new owner, and adds its attempt to the trace', async () => {
    await database.insert({ id: 'lost' }, { id: 'kept' });
    await claimAll();
    await database.query(`UPDATE outbound_deliveries SET lease_owner = 'worker-2/1' WHERE id = 'lost'`);
    const before = await database.row('lost');

    expect(await outbox.complete([delivered('lost'), delivered('kept'), delivered('deleted')])).toEqual([
      'lost',
      'deleted',
    ]);

    expect(await database.row('lost')).toEqual({
      ...before,
      delivery_trace: { ...PLAIN_TRACE, attempts: [{ ...anAttempt(), late: true }] },
    });
    expect(await database.row('kept')).toMatchObject({ status: 'delivered' });
  });

  it('is reported as lost at every attempt, and is written once', async () => {
    await database.insert({ id: 'lost' });
    await claimAll();
    await database.query(`UPDATE outbound_deliveries SET lease_owner = 'worker-2/1'`);

    expect(await outbox.complete([delivered('lost')])).toEqual(['lost']);
    expect(await outbox.complete([delivered('lost')])).toEqual(['lost']);

    expect(await attemptsOf('lost')).toHaveLength(1);
  });
});

describe('a completion that is retried', () => {
  it('counts as completed, and is written once', async () => {
    const [id = ''] = await database.insert({});
    await claimAll();
    await outbox.complete([later(id)]);

    // As if the response had been lost.
    expect(await outbox.complete([later(id)])).toEqual([]);

    expect(await attemptsOf(id)).toEqual([later(id).attempt]);
  });

  it('does not end the lease of the next worker', async () => {
    const [id = ''] = await database.insert({});
    await claimAll();
    await outbox.complete([later(id)]);
    await database.query('UPDATE outbound_deliveries SET next_retry_at = NULL');
    const other = database.outbox({ workerId: 'worker-2' });
    await other.claim({ limit: 1, leaseMs: 60_000, route: 'smtp' });

    expect(await outbox.complete([later(id)])).toEqual([]);

    expect(await database.row(id)).toMatchObject({
      status: 'sending',
      lease_owner: expect.stringMatching(/^worker-2/),
    });
    expect(await attemptsOf(id)).toHaveLength(1);
  });

  it('is written before the same worker claims it again', async () => {
    const [id = ''] = await database.insert({});
    await claimAll();
    await database.query(`UPDATE outbound_deliveries SET status = 'queued', lease_owner = NULL`);

    expect(await claimAll()).toEqual([]);
    await outbox.complete([later(id)]);
    expect(await claimAll()).toHaveLength(1);
  });

  it('may occur twice in one call', async () => {
    const [id = ''] = await database.insert({});
    await claimAll();
    const second = { ...later(id), attempt: anAttempt({ durationMs: 99 }) };

    expect(await outbox.complete([delivered(id), second])).toEqual([id]);

    expect((await database.row(id)).status).toBe('delivered');
    expect(await attemptsOf(id)).toEqual([anAttempt(), { ...second.attempt, late: true }]);
  });
});

describe('a completion that cannot be written', () => {
  it('does not block the others: a locked row', async () => {
    const ids = await database.insert({ id: 'locked' }, { id: 'b' }, { id: 'c' });
    await claimAll();
    const session = await openSession(database.connectionString);
    await session.query(`BEGIN; SELECT FROM outbound_deliveries WHERE id = 'locked' FOR UPDATE`);
    const completing = outbox.complete(ids.map(delivered));
    await until(async () => (await database.row('b')).status === 'delivered');
    expect(await database.row('c')).toMatchObject({ status: 'delivered' });

    await session.query('COMMIT');

    expect(await completing).toEqual([]);
    expect(await database.row('locked')).toMatchObject({ status: 'delivered' });
    await session.end();
  });

  it('does not block the others: a row that the database rejects', async () => {
    const ids = await database.insert({ id: 'a' }, { id: 'b' }, { id: 'refused' }, { id: 'c' });
    await claimAll();
    await database.query(
      `ALTER TABLE outbound_deliveries ADD CONSTRAINT no CHECK (id <> 'refused' OR status <> 'delivered')`,
    );

    await expect(outbox.complete(ids.map(delivered))).rejects.toMatchObject({ code: '23514' });

    expect(await database.row('b')).toMatchObject({ status: 'delivered' });
    expect(await database.row('c')).toMatchObject({ status: 'delivered' });
    await database.query('ALTER TABLE outbound_deliveries DROP CONSTRAINT no');
    expect(await outbox.complete(ids.map(delivered))).toEqual([]);
    expect(await attemptsOf('a')).toHaveLength(1);
    expect(await attemptsOf('refused')).toHaveLength(1);
  });

  it('rejects if the lock remains', async () => {
    const [id = ''] = await database.insert({});
    const impatient = database.outbox({ statementTimeoutMs: 200 });
    await impatient.claim({ limit: 1, leaseMs: 60_000, route: 'smtp' });
    const session = await openSession(database.connectionString);
    await session.query('BEGIN; SELECT FROM outbound_deliveries FOR UPDATE');

    await expect(impatient.complete([delivered(id)])).rejects.toMatchObject({
      name: 'OutboxUnavailableError',
      code: '57014',
    });

    await impatient.renew([id], 60_000);
    await session.query('ROLLBACK');
    await session.end();
    expect(await impatient.complete([delivered(id)])).toEqual([]);
  });
});

/** The expected trace: all that was in it, and the attempts at its end. */
function withAttempts(before: unknown, attempts: readonly TraceAttempt[]): unknown {
  if (before === null || before === undefined) return { attempts };
  if (typeof before !== 'object' || Array.isArray(before)) return { previous: before, attempts };
  if (!('attempts' in before)) return { ...before, attempts };
  const earlier = Array.isArray(before.attempts) ? before.attempts : [before.attempts];
  return { ...before, attempts: [...earlier, ...attempts] };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}
