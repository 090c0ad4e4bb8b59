import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PostgresDeliveryRows } from '../../../lib/adapters/postgres/delivery-rows.ts';
import { type OutboxDatabase, OutboxServer, openSession } from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
let rows: PostgresDeliveryRows;

beforeAll(async () => {
  server = await OutboxServer.start();
  database = await server.database();
  rows = new PostgresDeliveryRows({ connectionString: database.connectionString });
});

afterAll(async () => {
  await rows.close();
  await database.close();
  await server.close();
});

const ATTEMPT = { at: '2026-11-22T10:00:00.000Z', outcome: 'taken', durationMs: 5, worker: 'worker-1' };

describe('a row shown to an operator', () => {
  it('has the content of its columns', async () => {
    const created = new Date('2026-11-22T09:00:00.123Z');
    const [id = ''] = await database.insert({
      status: 'failed',
      provider: 'ses',
      attempt_count: 2,
      last_error: 'bounced',
      created_at: created,
      lease_owner: 'worker-1',
      lease_until: new Date('2026-11-22T10:05:00Z'),
      delivery_trace: {
        attempts: [ATTEMPT],
        recipients: { 'marie@example.org': { kind: 'bounced', at: '2026-11-22T10:01:00Z' } },
      },
    });
    expect(await rows.find(id)).toMatchObject({
      id,
      tenantId: 'tenant-1',
      targetAddress: 'marie@example.org',
      provider: 'ses',
      status: 'failed',
      attemptCount: 2,
      lastError: 'bounced',
      createdAt: created,
      lease: { owner: 'worker-1', until: new Date('2026-11-22T10:05:00Z') },
      attempts: [ATTEMPT],
      statuses: { 'marie@example.org': { kind: 'bounced' } },
    });
  });

  it('is undefined if there is none', async () => {
    expect(await rows.find('never-was')).toBeUndefined();
  });

  it.each([
    ['null', null],
    ['a text', 'trace'],
    ['a list', [1, 2]],
    ['attempts that are not a list', { attempts: 'many', recipients: [1] }],
    ['invalid attempts', { attempts: [null, 1, { at: 'yesterday' }, { ...ATTEMPT, outcome: 'lost' }] }],
  ])('has no attempts and no statuses if its trace is %s', async (_what, trace) => {
    const [id = ''] = await database.insert({ delivery_trace: trace });
    expect(await rows.find(id)).toMatchObject({ attempts: [], statuses: {} });
  });

  it('omits times that JavaScript cannot represent', async () => {
    const [id = ''] = await database.insert({ created_at: 'infinity', expires_at: '-infinity' });
    expect(await rows.find(id)).toMatchObject({ createdAt: undefined, expiresAt: undefined });
  });

  it('does not include the mail', async () => {
    const [id = ''] = await database.insert({ mail: { text: 'SECRET' } });
    expect(JSON.stringify(await rows.find(id))).not.toMatch(/SECRET|on its way/);
  });

  it('is read while it is locked', async () => {
    const [id = ''] = await database.insert({});
    const session = await openSession(database.connectionString);
    await session.query('BEGIN');
    await session.query('SELECT FROM outbound_deliveries WHERE id = $1 FOR UPDATE', [id]);
    expect(await rows.find(id)).toMatchObject({ id });
    await session.end();
  });

  it('rejects if the table was never migrated', async () => {
    const bare = await server.database({ migrated: false });
    const other = new PostgresDeliveryRows({ connectionString: bare.connectionString });
    await expect(other.find('reply-1')).rejects.toMatchObject({ code: '42P01' });
    await other.close();
  });
});
