import { Pool } from 'pg';
import { migrate } from '../../../lib/adapters/postgres/migrate.ts';
import { insertRows, type OutboundRow } from '../../../lib/emulators/demo/outbound-rows.ts';
import { startPostgres } from '../../../lib/emulators/postgres/embedded-postgres.ts';
import type { LocalServices } from '../../../lib/emulators/services.ts';
import { WorkerProcess } from '../../../lib/emulators/worker-process.ts';
import type { CallTap } from './call-tap.ts';

const SOON = () => ({ signal: AbortSignal.timeout(90_000) });

/** More than the 10 MB of v1, which takes the other call of SES; and too large for SQS. */
const LARGE_TEXT = 'It is on its way.\r\n'.repeat(600_000);

const mail = (text: string) => ({
  from: 'support@keybuzz.io',
  to: 'marie@example.org',
  subject: 'Your order',
  text,
});

/** What the API asks for: small mails, that share a call, an urgent one, and a large one. */
const ROWS: readonly OutboundRow[] = [
  { id: 'row-1', tenantId: 'tenant-7', mail: mail('On its way.') },
  { id: 'row-2', tenantId: 'tenant-7', mail: mail('On its way.') },
  { id: 'row-urgent', tenantId: 'tenant-7', priority: 10, mail: mail('Your code is 204 816.') },
  { id: 'row-large', tenantId: 'tenant-7', mail: mail(LARGE_TEXT) },
];

/**
 * Rows to receipts, by the worker in a process of its own: SMTP refuses the connection, and the statuses come back.
 *
 * @returns what the worker was told of its surroundings
 */
export async function runWorker(
  { aws, receipts }: LocalServices,
  tap: CallTap,
): Promise<Readonly<Record<string, string>>> {
  const postgres = await startPostgres();
  const pool = new Pool({ connectionString: postgres.connectionString, max: 1 });
  // The database ends idle connections when it stops; that is no error.
  pool.on('error', () => {});
  try {
    await migrate({ connectionString: postgres.connectionString });
    await insertRows(pool, ROWS, new Date());
    const environment = {
      DATABASE_URL: postgres.connectionString,
      SMTP_HOST: '127.0.0.1',
      SMTP_PORT: '9',
      FALLBACK_QUEUE_URL: aws.fallback.url,
      FALLBACK_URGENT_QUEUE_URL: aws.urgent.url,
      PAYLOAD_BUCKET: aws.bucket,
      RECEIPTS_QUEUE_URL: receipts.url,
      AWS_SES_REGION: aws.region,
      AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
      AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
      OUTBOUND_CLOUDWATCH_NAMESPACE: 'local/mail-worker',
      OUTBOUND_CLOUDWATCH_STAGE: 'dev',
      ...tap.endpoints,
    };
    const calls = ['PutObject', 'SendMessage', 'DeleteMessageBatch'].map((action) =>
      tap.aws.arrival({ action }, SOON()),
    );
    const isDone = Promise.all([...calls, tap.cloudWatch.arrival({ action: 'PutMetricData' }, SOON())]);
    // The worker may not even start; then that is what is to be told.
    isDone.catch(() => {});
    const worker = await WorkerProcess.start({ environment });
    try {
      await isDone;
    } finally {
      await worker.stop();
    }
    return environment;
  } finally {
    await pool.end();
    await postgres.close();
  }
}
