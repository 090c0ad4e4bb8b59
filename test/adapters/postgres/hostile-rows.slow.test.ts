import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type OutboxDatabase, OutboxServer } from '../../support/outbox-database.ts';

let server: OutboxServer;
let database: OutboxDatabase;
beforeAll(async () => {
  server = await OutboxServer.start();
  database = await server.database();
});
afterAll(async () => {
  await database.close();
  await server.close();
});

/** PostgreSQL itself rejects NUL and unpaired surrogates in its columns. */
const text = (options: fc.StringConstraints = {}) =>
  fc.string({ unit: 'binary', ...options }).map((value) => value.replaceAll('\0', '').toWellFormed());

const json = fc.jsonValue({ stringUnit: 'binary' }).map(clean);

const address = fc.oneof(
  text(),
  fc.constantFrom(
    'a@example.org\r\nBcc: b@example.org',
    '',
    '@',
    'not an address',
    `${'a'.repeat(5_000)}@example.org`,
    'marie@exämple.org',
    '"\u202e"@example.org',
  ),
);

const field = fc.oneof(json, address, fc.constantFrom('subject\r\nX-Header: 1', null));

const mail = fc.oneof(
  json,
  fc.record(
    {
      from: field,
      to: fc.oneof(field, fc.array(address)),
      subject: field,
      text: field,
      headers: fc.oneof(json, fc.dictionary(text(), field)),
      attachments: fc.oneof(json, fc.array(fc.record({ filename: field, content: field }))),
    },
    { requiredKeys: [] },
  ),
);

const trace = fc.oneof(
  json,
  fc.record(
    { fromAddress: field, replyToAddress: field, emailSubject: field, emailBody: field, attempts: json },
    { requiredKeys: [] },
  ),
);

const moment = fc.constantFrom(null, 'infinity', '-infinity', '4713-01-01 BC', '290000-01-01', '2026-01-01');

const row = fc.record(
  {
    tenant_id: fc.oneof(fc.constant(null), text({ maxLength: 300 })),
    target_address: fc.oneof(fc.constant(null), address),
    mail: fc.option(mail),
    delivery_trace: fc.option(trace),
    created_at: moment,
    expires_at: moment,
    next_retry_at: fc.constantFrom(null, '-infinity', '2020-01-01'),
    attempt_count: fc.constantFrom(-2_147_483_648, -1, 0, 2_147_483_647),
    priority: fc.integer({ min: -32_768, max: 32_767 }),
    owed_recipients: fc.option(fc.array(fc.oneof(fc.constant(null), address))),
  },
  { requiredKeys: [] },
);

describe('a hostile row', () => {
  it('is claimed like any other, and completed', async () => {
    const outbox = database.outbox();
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const ids = await database.insert(...rows);

        const claims = await outbox.claim({ limit: 100, leaseMs: 60_000, route: 'smtp' });

        expect(claims.map(({ id }) => id).sort()).toEqual([...ids].sort());
        for (const { mail: stored, createdAt, expiresAt, attempts, waitedMs, owed } of claims) {
          expect(['mail', 'unreadable']).toContain(stored.kind);
          expect(createdAt.toISOString()).toMatch(/^\d{4}-/);
          expect(expiresAt.toISOString()).toMatch(/^\d{4}-/);
          expect(attempts).toBeGreaterThan(0);
          expect(waitedMs).toBeGreaterThanOrEqual(0);
          expect(owed?.length).not.toBe(0);
        }
        const lost = await outbox.complete(
          claims.map(({ id, mail: stored }) => ({
            id,
            next: { kind: 'failed', reason: stored.kind === 'unreadable' ? stored.detail : 'no' },
            attempt: { at: new Date().toISOString(), outcome: 'refused', durationMs: 0, worker: 'worker-1' },
          })),
        );
        expect(lost).toEqual([]);
        expect((await outbox.stats()).queued).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('may contain nested arrays of pending recipients', async () => {
    const outbox = database.outbox();
    const [id = ''] = await database.insert({});
    await database.query(
      `UPDATE outbound_deliveries SET owed_recipients = '{{a@b.c,NULL},{d@e.f,g@h.i}}' WHERE id = $1`,
      [id],
    );

    const claims = await outbox.claim({ limit: 1, leaseMs: 60_000, route: 'smtp' });

    expect(claims).toMatchObject([{ id, owed: ['a@b.c', 'd@e.f', 'g@h.i'] }]);
  });
});

function clean(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '').toWellFormed();
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [clean(key), clean(entry)]));
}
