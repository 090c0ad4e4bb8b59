/**
 * Measures what receipts cost for mails of different numbers of recipients: receipts a second, and bytes of
 * PostgreSQL's log. Each mail is accepted by SES in batches of 50, and delivered to one recipient after another.
 *
 *     npm run bench:receipts -- [recipients …]
 */
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { PostgresReceiptStore } from '../../lib/adapters/postgres/postgres-receipt-store.ts';
import { chunkRecipients } from '../../lib/domain/address.ts';
import { SES_MAX_RECIPIENTS } from '../../lib/domain/limits.ts';
import type { Receipt } from '../../lib/domain/receipt.ts';
import { startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import { aReceipt } from '../support/a-receipt.ts';

const DEFAULT_SIZES = ['50', '100', '101', '1000', '3000', '10000'];

/** As many as SQS returns at once. */
const POLL = 10;

function receiptsOf(id: string, recipients: readonly string[]): Receipt[] {
  const batches = chunkRecipients(recipients, SES_MAX_RECIPIENTS).map((to, part) => ({
    to,
    ids: { sesMessageId: `ses-${part}`, messageId: `<ses-${part}@eu-west-1.amazonses.com>` },
  }));
  return [
    ...batches.map(({ to, ids }) => aReceipt(id, 'sent', to, ids)),
    ...batches.flatMap(({ to, ids }) =>
      to.map((address, index) => ({
        ...aReceipt(id, 'delivered', [], { seconds: index, ...ids }),
        recipients: [
          { address, smtpResponse: `250 2.0.0 OK ${randomUUID()} queued`, enhancedStatus: '2.0.0' },
        ],
      })),
    ),
  ];
}

const server = await startPostgres();
const { connectionString } = server;
await migrate({ connectionString });
const client = new Client({ connectionString });
await client.connect();
const store = new PostgresReceiptStore({ connectionString, workerId: 'bench' });

async function walPosition(): Promise<string> {
  const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn');
  return rows[0]?.lsn ?? '';
}

const sizes = process.argv.slice(2);
for (const size of (sizes.length > 0 ? sizes : DEFAULT_SIZES).map(Number)) {
  const id = `mail-${size}`;
  const recipients = Array.from({ length: size }, () => `${randomUUID()}@example.org`);
  const attempt = { outcome: 'handed-over', queue: { recipients, queueMessageId: 'q-1' } };
  await client.query(
    `INSERT INTO outbound_deliveries (id, provider, status, delivery_trace) VALUES ($1, 'ses', 'sending', $2)`,
    [id, JSON.stringify({ attempts: [attempt] })],
  );
  const receipts = receiptsOf(id, recipients);
  const before = await walPosition();
  const start = performance.now();
  for (let at = 0; at < receipts.length; at += POLL) await store.apply(receipts.slice(at, at + POLL));
  const seconds = (performance.now() - start) / 1000;
  const { rows } = await client.query<{ bytes: number; status: string }>(
    'SELECT pg_wal_lsn_diff($1, $2)::float8 AS bytes, status FROM outbound_deliveries WHERE id = $3',
    [await walPosition(), before, id],
  );
  const [{ bytes = 0, status = '' } = {}] = rows;
  console.log(
    `${size} recipients: ${receipts.length} receipts, ${Math.round(receipts.length / seconds)} a second, ` +
      `${Math.round(bytes / receipts.length)} bytes of log each; the row says ${status}`,
  );
}
await store.close();
await client.end();
await server.close();
