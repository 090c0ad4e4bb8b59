import { createHash } from 'node:crypto';
import type { Client } from 'pg';

/** A mail that the searches of the bench look for; the others are like it. */
export const WANTED = {
  id: 'mail-0c0ffee0-wanted',
  to: 'wanted@buyers.example',
  cc: 'wanted-copy@buyers.example',
  sesId: '0102018f00000001-00000000-0000-4000-8000-000000000000-000000',
  /** A tenant that has sent nothing for a while. */
  tenantId: 'tenant-gone',
} as const;

/** The mail's own Message-ID. */
export const OWN_MESSAGE_ID = `<${createHash('sha256').update(WANTED.id).digest('hex').slice(0, 40)}@keybuzz.io>`;

const BATCH = 50_000;
const DAYS = 60;

/**
 * Fills `outbound_deliveries` as two months of a shop would: of 300 tenants some write much and one has stopped, 3 of
 * 100 mails took the fallback, 4 of 1,000 failed, every twentieth has a Cc and a Bcc to the same archive, and the wanted mail is in
 * the middle.
 */
export async function insertDeliveries(client: Client, count: number): Promise<void> {
  for (let first = 0; first < count; first += BATCH) {
    await client.query(INSERT, [first, Math.min(first + BATCH, count) - 1, count]);
  }
  await client.query(
    `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, created_at, delivery_trace, mail, search_message_ids)
     VALUES ($1, 'tenant-1', 'ses', 'delivered', now() - interval '${DAYS / 2} days', '{}', $2, ARRAY[$3])`,
    [
      WANTED.id,
      { from: 'a@keybuzz.io', to: WANTED.to, cc: [`Copy <${WANTED.cc}>`], text: 'Hi.' },
      WANTED.sesId,
    ],
  );
  await client.query('VACUUM ANALYZE outbound_deliveries');
}

const INSERT = `
INSERT INTO outbound_deliveries (
  id, tenant_id, provider, status, attempt_count, last_error, created_at, updated_at, target_address, delivery_trace,
  mail, search_class, search_message_ids
)
SELECT
  'mail-' || gen_random_uuid(),
  CASE WHEN n % 20 = 7 AND n < $3::int / 3 THEN '${WANTED.tenantId}' ELSE 'tenant-' || floor(300 * power(random(), 3)) END,
  CASE WHEN n % 33 = 0 THEN 'ses' ELSE 'smtp' END,
  CASE WHEN n % 250 = 0 THEN 'failed' WHEN n > $3::int - 2000 THEN 'queued' ELSE 'delivered' END,
  1,
  CASE WHEN n % 250 = 0 THEN 'bounced (Permanent/General): 550 5.1.1 no such user' END,
  at,
  at,
  'buyer-' || floor(random() * 400000) || '@example.org',
  jsonb_build_object(
    'fromAddress', 'support@keybuzz.io', 'emailSubject', 'Order ' || n,
    'emailBody', repeat('Dear customer, your order ' || n || ' is on its way. ', 8),
    'attempts', jsonb_build_array(jsonb_build_object('at', at, 'outcome', 'taken', 'worker', 'worker-1'))
  ),
  CASE WHEN n % 20 = 0 THEN jsonb_build_object(
    'from', 'support@keybuzz.io', 'to', 'Buyer <buyer-' || n || '@example.org>',
    'cc', jsonb_build_array('copy-' || n || '@example.org'), 'bcc', 'archive@keybuzz.io', 'text', 'Hello.'
  ) END,
  CASE WHEN n % 33 = 0 THEN (ARRAY['unreachable', 'circuit-open', 'deferred', 'rejected'])[1 + n / 33 % 4] END,
  CASE WHEN n % 33 = 0 THEN ARRAY['0102018f' || lpad(n::text, 8, '0') || '-' || gen_random_uuid() || '-000000'] END
FROM generate_series($1::int, $2::int) n
CROSS JOIN LATERAL (SELECT now() - interval '${DAYS} days' * (1 - n::float8 / $3::int) AS at) AS times`;
