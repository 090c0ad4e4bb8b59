/**
 * The worker's memory over many mails, from PostgreSQL to `smtp-sink`: every 20,000 mails, the heap after garbage
 * collection and what the process has of the machine's memory. It fails if the heap grew since the first fifth.
 *
 *   npm run bench:memory -- [--mails 200000]
 */
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { PostgresOutbox } from '../../lib/adapters/postgres/postgres-outbox.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import { startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import { silentObserver } from '../../lib/ports/outbox.ts';
import { createWorker } from '../../lib/worker/create-worker.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { canRunPostfix } from '../support/postfix.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';

const { values } = parseArgs({ options: { mails: { type: 'string', default: '200000' } } });
const MAILS = Number(values.mails);
const STEPS = 10;
const STEP = Math.ceil(MAILS / STEPS);
const TENANTS = 1_000;
const MAX_GROWTH = 1.2;
const BODY = 'Dear customer, your order is on its way.\r\n'.repeat(45);

const { gc } = globalThis;
if (gc === undefined) throw new Error('start it with --expose-gc');

async function insertRows(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query(
    `INSERT INTO outbound_deliveries
       (id, tenant_id, provider, status, attempt_count, created_at, target_address, delivery_trace)
     SELECT 'bench-' || n, 'tenant-' || n % ${TENANTS}, 'smtp', 'queued', 0, clock_timestamp(), 'buyer-' || n || '@example.org',
       jsonb_build_object('fromAddress', 'support@keybuzz.io', 'emailSubject', 'Order ' || n, 'emailBody', $2::text)
     FROM generate_series(1, $1::int) n`,
    [MAILS, BODY],
  );
  await client.end();
}

const megabytes = (bytes: number) => bytes / 1024 / 1024;

const printRow = (...cells: readonly string[]) => {
  console.log(cells.map((cell) => cell.padStart(14)).join(''));
};

/** @returns the heap after garbage collection at each step, in MB */
async function run(collect: () => void): Promise<number[]> {
  const postgres = await startPostgres();
  const { connectionString } = postgres;
  await migrate({ connectionString });
  await insertRows(connectionString);
  const aws = await startSqsAndS3({ visibilitySeconds: 3600 });
  const sink = await startSmtpSink();
  const outbox = new PostgresOutbox({
    connectionString,
    workerId: 'bench',
    providers: ['smtp'],
    defaultTimeToLiveMs: DAY_MS,
  });
  const mailer = createMailer({
    smtp: { host: sink.host, port: sink.port, maxConnections: 10 },
    fallback: fallbackSettingsFor(aws),
  });
  const heaps: number[] = [];
  let sent = 0;
  let stepBegunMs = performance.now();
  const done = Promise.withResolvers<void>();
  const completed = () => {
    sent += 1;
    if (sent % STEP === 0) {
      const perSecond = (STEP / (performance.now() - stepBegunMs)) * 1000;
      collect();
      const { heapUsed, rss } = process.memoryUsage();
      heaps.push(megabytes(heapUsed));
      printRow(String(sent), megabytes(heapUsed).toFixed(1), megabytes(rss).toFixed(0), perSecond.toFixed(0));
      stepBegunMs = performance.now();
    }
    if (sent === MAILS) done.resolve();
  };
  printRow('mails', 'heap MB', 'RSS MB', 'mails/s');
  const worker = createWorker({ outbox, mailer, observer: { ...silentObserver, completed } });
  worker.start();
  await done.promise;
  await worker.drain(5_000);
  await mailer.close();
  await outbox.close();
  await aws.close();
  sink.stop();
  await postgres.close();
  return heaps;
}

if (!canRunPostfix) {
  console.log('left out: this bench needs root and the Debian package postfix, which brings smtp-sink');
} else {
  const heaps = await run(gc);
  const [, early = Number.NaN] = heaps;
  const growth = (heaps.at(-1) ?? Number.NaN) / early;
  console.log(`heap at the end, against a fifth of the way: ${growth.toFixed(2)} x`);
  if (!(growth <= MAX_GROWTH)) process.exitCode = 1;
}
