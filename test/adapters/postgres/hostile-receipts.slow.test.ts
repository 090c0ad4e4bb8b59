import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PostgresReceiptStore } from '../../../lib/adapters/postgres/postgres-receipt-store.ts';
import { aBounce, aReceipt } from '../../support/a-receipt.ts';
import { type OutboxDatabase, OutboxServer } from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
let store: PostgresReceiptStore;
beforeAll(async () => {
  server = await OutboxServer.start();
  database = await server.database();
  store = new PostgresReceiptStore({ connectionString: database.connectionString, workerId: 'worker-1' });
});
afterAll(async () => {
  await store.close();
  await database.close();
  await server.close();
});

const MARIE = 'marie@example.org';

/** PostgreSQL itself rejects NUL and unpaired surrogates in its columns. */
const json = fc
  .jsonValue({ stringUnit: 'binary' })
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '').toWellFormed()));

const recipients = fc.oneof(json, fc.array(fc.oneof(json, fc.constant(MARIE))));

const trace = fc.oneof(
  json,
  fc.record(
    {
      emailBody: json,
      attempts: fc.oneof(
        json,
        fc.array(fc.oneof(json, fc.record({ queue: fc.oneof(json, fc.record({ recipients })), smtp: json }))),
      ),
      recipients: fc.oneof(json, fc.dictionary(fc.constantFrom(MARIE, '__proto__', 'x'), json)),
      messageIds: fc.oneof(json, fc.array(json)),
    },
    { requiredKeys: [] },
  ),
);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value as PostgreSQL returns it, with normalised numbers and key order. */
async function stored(value: unknown): Promise<unknown> {
  const [row] = await database.query<{ value: unknown }>('SELECT $1::jsonb AS value', [
    JSON.stringify(value),
  ]);
  return row?.value;
}

describe('a hostile trace', () => {
  it('accepts receipts, and loses only a status that a later one replaces', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.constantFrom('ses', 'smtp', null), async (before, provider) => {
        const [id = ''] = await database.insert({ provider, status: 'sending', delivery_trace: before });

        expect(await store.apply([aBounce(id, [MARIE])])).toEqual(['entered']);
        expect(await store.apply([aBounce(id, [MARIE])])).toEqual(['unchanged']);

        const { delivery_trace: after } = await database.row(id);
        const old = await stored(before);
        const kept = isObject(old) ? old : old === null ? {} : { previous: old };
        const { recipients: oldRecipients, messageIds: _, ...others } = kept;
        expect(after).toMatchObject(others);
        expect(after).toMatchObject({
          recipients: { ...(isObject(oldRecipients) ? oldRecipients : {}), [MARIE]: expect.anything() },
        });
        if (!isObject(oldRecipients) && oldRecipients !== undefined && oldRecipients !== null) {
          expect(after).toHaveProperty('previousRecipients', oldRecipients);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is claimed, and its receipts wait or are applied', async () => {
    const outbox = database.outbox({ providers: ['hostile'] });
    await fc.assert(
      fc.asyncProperty(trace, fc.constantFrom('queued', 'failed'), async (before, status) => {
        const mail = { from: 'a@keybuzz.io', to: MARIE };
        const [id = ''] = await database.insert({
          provider: 'hostile',
          status,
          delivery_trace: before,
          mail,
        });

        const [result] = await store.apply([aBounce(id, [MARIE])]);
        const claims = await outbox.claim({ limit: 100, leaseMs: 60_000, route: 'smtp' });

        expect(result).toBe(status === 'queued' ? 'too-early' : 'entered');
        expect(claims.map((claim) => claim.id)).toEqual(status === 'queued' ? [id] : []);
      }),
      { numRuns: 100 },
    );
  });

  it('is skipped if it is larger than any mail, and blocks no other', async () => {
    const [huge = '', plain = ''] = await database.insert(
      { provider: 'ses', status: 'sending' },
      { provider: 'ses', status: 'sending' },
    );
    await database.query('ALTER TABLE outbound_deliveries ALTER COLUMN delivery_trace SET STORAGE EXTERNAL');
    await database.query(
      `UPDATE outbound_deliveries SET delivery_trace = jsonb_build_object('x', repeat('x', 45000000)) WHERE id = $1`,
      [huge],
    );

    expect(await store.apply([aBounce(huge, [MARIE]), aBounce(plain, [MARIE])])).toEqual([
      'refused',
      'entered',
    ]);
  });

  it('stores any response of a server, and recognises it when repeated', async () => {
    const [id = ''] = await database.insert({ provider: 'ses', status: 'sending' });
    const receipt = aReceipt(id, 'bounced', [], {
      bounce: { type: 'Permanent', subType: 'General' },
      recipients: [{ address: MARIE, smtpResponse: '550 nul \0, half \ud83d, quote "' }],
    });

    expect(await store.apply([receipt])).toEqual(['entered']);
    expect(await store.apply([receipt])).toEqual(['unchanged']);

    expect((await database.row(id)).delivery_trace).toMatchObject({
      recipients: { [MARIE]: { smtpResponse: '550 nul \ufffd, half \ufffd, quote "' } },
    });
  });
});
