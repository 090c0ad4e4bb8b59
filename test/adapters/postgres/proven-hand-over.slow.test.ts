import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PostgresReceiptStore } from '../../../lib/adapters/postgres/postgres-receipt-store.ts';
import type { Receipt } from '../../../lib/domain/receipt.ts';
import { aBounce, aReceipt } from '../../support/a-receipt.ts';
import {
  type OutboxDatabase,
  type OutboxRow,
  OutboxServer,
  PLAIN_TRACE,
} from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
let store: PostgresReceiptStore;
beforeAll(async () => {
  server = await OutboxServer.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  database = await server.database();
  store = new PostgresReceiptStore({ connectionString: database.connectionString, workerId: 'worker-1' });
});
afterEach(async () => {
  await store.close();
  await database.close();
});

const ALL = ['marie@example.org', 'Paul@Example.org', 'eve@example.org'];
const KEYS = ALL.map((address) => address.toLowerCase());

const later = () => new Date(Date.now() + 60_000);

/** An attempt accepted neither by SMTP nor by the queue, as far as its worker knows. */
const NOT_ACCEPTED = { at: '2026-11-22T09:59:00.000Z', outcome: 'not-accepted', durationMs: 5, worker: 'w' };

async function insert(fields: Partial<OutboxRow> = {}): Promise<string> {
  const row = {
    owed_recipients: ALL,
    next_retry_at: later(),
    delivery_trace: { ...PLAIN_TRACE, attempts: [NOT_ACCEPTED] },
    ...fields,
  };
  return (await database.insert(row))[0] ?? '';
}

const leased = { status: 'sending', lease_owner: 'worker-2/1', lease_until: later(), lease_route: 'queue' };

const claim = () => database.outbox().claim({ limit: 10, leaseMs: 60_000, route: 'smtp' });

const sent = (id: string, recipients = ALL) => aReceipt(id, 'sent', recipients);
const delivered = (id: string, recipients = ALL) => aReceipt(id, 'delivered', recipients, { seconds: 9 });
const withoutSes = (id: string, recipients = ALL): Receipt => ({
  ...aReceipt(id, 'failed', recipients, { reason: 'too-old' }),
  sesMessageId: undefined,
  messageId: undefined,
});

describe('receipts that SES has a mail which waits for a retry', () => {
  it('hand it over, once they cover all pending recipients', async () => {
    const id = await insert({ last_error: 'SQS is down' });

    expect(await store.apply([sent(id)])).toEqual(['entered']);

    expect(await database.row(id)).toMatchObject({
      status: 'sending',
      provider: 'ses',
      last_error: null,
      next_retry_at: null,
      delivery_trace: {
        attempts: [
          NOT_ACCEPTED,
          {
            at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
            outcome: 'handed-over',
            worker: 'worker-1',
            queue: { recipients: ALL },
          },
        ],
        recipients: Object.fromEntries(KEYS.map((key) => [key, { kind: 'sent' }])),
      },
    });
    expect(await claim()).toEqual([]);
    expect(await store.apply([delivered(id), sent(id)])).toEqual(['entered', 'unchanged']);
    expect((await database.row(id)).status).toBe('delivered');
  });

  it('end in the same row in any order, with any repetition and in any batches', async () => {
    const history = (id: string): Receipt[] => [
      withoutSes(id, ALL.slice(0, 1)),
      sent(id, ALL.slice(0, 2)),
      delivered(id, ALL.slice(0, 2)),
      aBounce(id, ALL.slice(2)),
    ];
    const indices = fc.shuffledSubarray([...Array(4).keys(), ...Array(4).keys()], { minLength: 8 });
    await fc.assert(
      fc.asyncProperty(indices, fc.integer({ min: 1, max: 8 }), async (order, batch) => {
        const id = await insert();
        // Receipts that are too early are redelivered.
        let open = order.flatMap((index) => history(id)[index] ?? []);
        while (open.length > 0) {
          const results = await store.apply(open.slice(0, batch));
          open = [...open.slice(batch), ...open.filter((_, index) => results[index] === 'too-early')];
        }

        expect(await database.row(id)).toMatchObject({
          status: 'failed',
          provider: 'ses',
          last_error: expect.stringMatching(/^bounced .* for 1 of 3 recipients$/),
          delivery_trace: {
            attempts: [NOT_ACCEPTED, { outcome: 'handed-over' }],
            recipients: {
              'marie@example.org': { kind: 'delivered' },
              'paul@example.org': { kind: 'delivered' },
              'eve@example.org': { kind: 'bounced' },
            },
          },
        });
      }),
      { numRuns: 25 },
    );
  });

  it('are stored in the row for the next claim if they cover some recipients, and are redelivered', async () => {
    const id = await insert({ next_retry_at: null });

    expect(await store.apply([sent(id, ALL.slice(1, 2)), withoutSes(id)])).toEqual([
      'too-early',
      'too-early',
    ]);

    expect(await database.row(id)).toMatchObject({ status: 'queued', provider: 'email' });
    expect(await claim()).toMatchObject([{ id, owed: ALL, inSes: ['paul@example.org'] }]);
  });

  it('are stored in the row if its pending recipients are unknown', async () => {
    const id = await insert({ next_retry_at: null, owed_recipients: null });

    expect(await store.apply([sent(id)])).toEqual(['too-early']);

    const [claimed] = await claim();
    expect([...(claimed?.inSes ?? [])].sort()).toEqual([...KEYS].sort());
  });

  it('are stored in the row of a worker that may have crashed, without any other change', async () => {
    const id = await insert(leased);
    const before = await database.row(id);

    expect(await store.apply([sent(id), withoutSes(id)])).toEqual(['too-early', 'too-early']);

    const now = await database.row(id);
    const changed = Object.entries(now).filter(
      ([name, value]) =>
        !isDeepStrictEqual(value, Object.entries(before).find(([known]) => known === name)?.[1]),
    );
    expect(changed.map(([name]) => name).sort()).toEqual([
      'delivery_trace',
      'search_addresses',
      'search_message_ids',
      'updated_at',
    ]);
    expect(await store.apply([sent(id)])).toEqual(['too-early']);
    await database.query(`UPDATE outbound_deliveries SET lease_until = now() - interval '1s'`);
    expect(await claim()).toMatchObject([{ id, inSes: expect.arrayContaining(KEYS) }]);
  });

  it('do not prevent a resend of what was handed over and failed', async () => {
    const attempts = [{ outcome: 'handed-over', queue: { recipients: ALL, queueMessageId: 'q' } }];
    const id = await insert({ status: 'sending', provider: 'ses', delivery_trace: { attempts } });
    await store.apply([aBounce(id, ALL)]);
    await database.query(
      `UPDATE outbound_deliveries SET status = 'queued', provider = 'email', next_retry_at = NULL`,
    );

    expect(await store.apply([aBounce(id, ALL)])).toEqual(['too-early']);

    const [claimed] = await claim();
    expect(claimed).toMatchObject({ id, owed: ALL });
    expect(claimed).not.toHaveProperty('inSes');
  });
});

describe('receipts that SES has a mail which failed before they arrived', () => {
  it.each<[string, Partial<OutboxRow>]>([
    ['the row', {}],
    [
      'the trace',
      {
        owed_recipients: null,
        delivery_trace: { attempts: [{ ...NOT_ACCEPTED, outcome: 'refused', owed: ALL }] },
      },
    ],
  ])('hand it over, once they cover all pending recipients in %s', async (_, fields) => {
    const id = await insert({ status: 'failed', last_error: 'expired', ...fields });
    const failed = await database.row(id);

    expect(await store.apply([delivered(id, ALL.slice(0, 2))])).toEqual(['entered']);
    const { status, provider, last_error } = failed;
    expect(await database.row(id)).toMatchObject({ status, provider, last_error });
    expect(await store.apply([delivered(id, ALL.slice(2))])).toEqual(['entered']);

    expect(await database.row(id)).toMatchObject({
      status: 'delivered',
      provider: 'ses',
      last_error: null,
      delivered_at: new Date('2026-11-22T10:00:09.000Z'),
    });
  });

  it('are applied although a worker had it, and its completion is late', async () => {
    const id = await insert({ next_retry_at: null });
    const outbox = database.outbox();
    await outbox.claim({ limit: 1, leaseMs: 60_000, route: 'queue' });
    await database.query(`UPDATE outbound_deliveries SET status = 'failed', last_error = 'by hand'`);

    expect(await store.apply([delivered(id)])).toEqual(['entered']);
    const at = new Date(0).toISOString();
    const attempt = { at, outcome: 'handed-over', durationMs: 1, worker: 'worker-1' } as const;
    expect(await outbox.complete([{ id, next: { kind: 'handed-over' }, attempt }])).toEqual([id]);

    expect(await database.row(id)).toMatchObject({ status: 'delivered', provider: 'ses', lease_owner: null });
  });
});
