import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PostgresOutboxOverview } from '../../../lib/adapters/postgres/outbox-overview.ts';
import { DAY_MS, MINUTE_MS } from '../../../lib/common/time.ts';
import { type OutboxDatabase, OutboxServer } from '../../support/outbox-database.ts';

const NOW = Date.now();
const ago = (ms: number) => new Date(NOW - ms);

let server: OutboxServer;
let database: OutboxDatabase;
let overview: PostgresOutboxOverview;

beforeAll(async () => {
  server = await OutboxServer.start();
});

afterAll(() => server.close());

beforeEach(async () => {
  database = await server.database();
  overview = new PostgresOutboxOverview({ connectionString: database.connectionString });
});

afterEach(async () => {
  await overview.close();
  await database.close();
});

const read = () => overview.read(ago(DAY_MS));

const attempt = (at: Date, failure: Readonly<Record<string, string>>) => ({
  attempts: [{ at: at.toISOString(), outcome: 'handed-over', durationMs: 5, worker: 'w', failure }],
});

describe('what the rows say', () => {
  it('of an empty table is nothing', async () => {
    expect(await read()).toMatchObject({
      waiting: 0,
      onHold: 0,
      inHand: 0,
      oldest: undefined,
      recent: {
        isComplete: true,
        accepted: 0,
        handedOver: 0,
        unsent: 0,
        lastAccepted: undefined,
        failing: [],
      },
    });
  });

  it('is how many wait, and which is the oldest', async () => {
    await database.insert(
      ...[
        { id: 'new', created_at: ago(MINUTE_MS) },
        { id: 'old', created_at: ago(60 * MINUTE_MS), next_retry_at: ago(-MINUTE_MS) },
        {
          id: 'claimed',
          status: 'sending',
          lease_owner: 'w',
          lease_until: ago(-MINUTE_MS),
          created_at: ago(1),
        },
      ],
    );

    expect(await read()).toMatchObject({
      waiting: 2,
      inHand: 1,
      oldest: { id: 'old', since: ago(60 * MINUTE_MS) },
    });
  });

  it('is what became of the last day, and of no row before it', async () => {
    const receipt = (kind: string) => ({
      recipients: { 'a@example.org': { kind, at: ago(1).toISOString() } },
    });
    await database.insert(
      ...[
        { id: 'smtp', status: 'delivered', provider: 'smtp', created_at: ago(MINUTE_MS) },
        { id: 'awaited', status: 'sending', provider: 'ses', created_at: ago(MINUTE_MS) },
        { id: 'ses', status: 'delivered', provider: 'ses', created_at: ago(MINUTE_MS) },
        {
          id: 'bounced',
          status: 'failed',
          provider: 'ses',
          created_at: ago(MINUTE_MS),
          delivery_trace: receipt('bounced'),
        },
        {
          id: 'dead',
          status: 'failed',
          provider: 'ses',
          created_at: ago(MINUTE_MS),
          delivery_trace: receipt('failed'),
        },
        { id: 'unsent', status: 'failed', provider: 'smtp', created_at: ago(MINUTE_MS) },
        { id: 'before', status: 'delivered', provider: 'smtp', created_at: ago(2 * DAY_MS) },
      ],
    );

    expect((await read()).recent).toMatchObject({
      accepted: 1,
      handedOver: 4,
      awaited: 1,
      oldestAwaited: { id: 'awaited' },
      delivered: 1,
      refused: 1,
      deadLettered: 1,
      unsent: 1,
    });
  });

  it('is why SMTP fails since it last accepted a mail, the newest first, in the words of the server', async () => {
    await database.insert(
      ...[
        {
          id: 'earlier',
          status: 'sending',
          provider: 'ses',
          attempt_count: 1,
          created_at: ago(9 * MINUTE_MS),
          delivery_trace: attempt(ago(9 * MINUTE_MS), { class: 'tls' }),
        },
        { id: 'accepted', status: 'delivered', provider: 'smtp', created_at: ago(5 * MINUTE_MS) },
        {
          id: 'first',
          status: 'sending',
          provider: 'ses',
          attempt_count: 1,
          created_at: ago(3 * MINUTE_MS),
          delivery_trace: attempt(ago(3 * MINUTE_MS), { class: 'deferred', response: '421 closing' }),
        },
        {
          id: 'second',
          status: 'sending',
          provider: 'ses',
          attempt_count: 1,
          created_at: ago(2 * MINUTE_MS),
          delivery_trace: attempt(ago(2 * MINUTE_MS), { class: 'circuit-open', openedBy: 'deferred' }),
        },
      ],
    );
    await database.query(
      `UPDATE outbound_deliveries SET updated_at = created_at, delivered_at = CASE WHEN status = 'delivered' THEN created_at END`,
    );
    const { lastAccepted, failing, notAccepted } = (await read()).recent;

    expect(lastAccepted).toEqual(ago(5 * MINUTE_MS));
    expect(notAccepted).toBe(2);
    expect(failing).toMatchObject([
      { at: ago(2 * MINUTE_MS), class: 'deferred', wasTried: false, response: undefined },
      { at: ago(3 * MINUTE_MS), class: 'deferred', wasTried: true, response: '421 closing' },
    ]);
  });

  it('skips traces that no worker wrote', async () => {
    const row = { status: 'sending', provider: 'ses', attempt_count: 1, created_at: ago(MINUTE_MS) };
    await database.insert(
      ...[
        { ...row, id: 'list', delivery_trace: [] },
        { ...row, id: 'text', delivery_trace: { attempts: 'none', recipients: 'none' } },
        { ...row, id: 'time', delivery_trace: { attempts: [{ at: 'soon', failure: { class: 'tls' } }] } },
        { ...row, id: 'failed', status: 'failed', delivery_trace: { recipients: ['x'] } },
      ],
    );

    expect((await read()).recent).toMatchObject({ handedOver: 4, failing: [] });
  });
});
