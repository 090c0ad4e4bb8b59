/**
 * Measures the outbound worker against its bare components, each pair in the same run:
 *
 *   - PostgreSQL to Postfix, against a bare nodemailer pool of the same size to the same Postfix
 *   - the hand-over while the breaker is open, against a bare loop of MIME building and SendMessageBatch
 *   - from INSERT to MAIL FROM when idle
 *
 * Postfix needs root and its Debian package; without it that pair is skipped.
 *
 *   npm run bench:worker -- [rows]
 */
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import nodemailer from 'nodemailer';
import MailComposer from 'nodemailer/lib/mail-composer';
import { Pool } from 'pg';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { PostgresOutbox } from '../../lib/adapters/postgres/postgres-outbox.ts';
import { HOUR_MS } from '../../lib/common/time.ts';
import { packMime } from '../../lib/domain/content.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import { silentObserver } from '../../lib/ports/outbox.ts';
import { createWorker } from '../../lib/worker/create-worker.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { canRunPostfix, startPostfix } from '../support/postfix.ts';

const ROWS = Number(process.argv[2] ?? 3_000);
const CONNECTIONS = 10;
const ROUNDS = 3;
const IDLE_MAILS = 200;
const BODY = 'Dear customer, your order is on its way.\r\n'.repeat(45);

interface Target {
  readonly host: string;
  readonly port: number;
}

interface Bench {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly aws: SqsAndS3;
}

const mailTo = (index: number) => ({
  from: 'support@keybuzz.io',
  to: `buyer-${index}@example.org`,
  subject: `Order ${index}`,
  text: BODY,
});

async function insertRows({ pool }: Bench, count: number): Promise<void> {
  await pool.query('TRUNCATE outbound_deliveries');
  await pool.query(
    `INSERT INTO outbound_deliveries
       (id, tenant_id, provider, status, attempt_count, created_at, target_address, delivery_trace)
     SELECT 'bench-' || n, 'tenant-' || n % 10, 'smtp', 'queued', 0, now(), 'buyer-' || n || '@example.org',
       jsonb_build_object('fromAddress', 'support@keybuzz.io', 'emailSubject', 'Order ' || n, 'emailBody', $2::text)
     FROM generate_series(1, $1) n`,
    [count, BODY],
  );
}

/** Runs a worker until it has settled `count` rows. @returns mails per second */
async function workerRate(
  bench: Bench,
  target: Target,
  count: number,
  breaker: 'closed' | 'open',
): Promise<number> {
  await insertRows(bench, count);
  const { aws } = bench;
  const outbox = new PostgresOutbox({
    connectionString: bench.databaseUrl,
    workerId: 'bench',
    providers: ['smtp'],
    defaultTimeToLiveMs: HOUR_MS,
  });
  const mailer = createMailer({
    smtp: {
      host: target.host,
      port: target.port,
      maxConnections: CONNECTIONS,
      ...(breaker === 'open' ? { breakerFailures: 1, breakerProbeIntervalMs: 600_000 } : {}),
    },
    fallback: fallbackSettingsFor(aws),
  });
  if (breaker === 'open') await mailer.send(mailTo(0));
  let left = count;
  const done = Promise.withResolvers<void>();
  const observer = {
    ...silentObserver,
    completed: () => {
      left -= 1;
      if (left === 0) done.resolve();
    },
  };
  const worker = createWorker({ outbox, mailer, observer, tuning: { concurrency: 2 * CONNECTIONS } });
  const started = performance.now();
  worker.start();
  await done.promise;
  // The last rows are written after the last mail; that counts, too.
  await worker.drain(5_000);
  const rate = (count / (performance.now() - started)) * 1000;
  await mailer.close();
  await outbox.close();
  return rate;
}

/** nodemailer's pool at full load. */
async function poolRate({ host, port }: Target, count: number): Promise<number> {
  const transporter = nodemailer.createTransport({ pool: true, maxConnections: CONNECTIONS, host, port });
  const started = performance.now();
  await Promise.all(Array.from({ length: count }, (_, index) => transporter.sendMail(mailTo(index))));
  const rate = (count / (performance.now() - started)) * 1000;
  transporter.close();
  return rate;
}

/** Builds MIME and calls SendMessageBatch with ten entries, one batch after the other. */
async function queueRate({ aws }: Bench, count: number): Promise<number> {
  const started = performance.now();
  for (let first = 0; first < count; first += 10) {
    const entries = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const mime = await new MailComposer(mailTo(first + index)).compile().build();
        return { Id: String(index), MessageBody: JSON.stringify({ content: packMime(mime) }) };
      }),
    );
    await aws.sqs.send(new SendMessageBatchCommand({ QueueUrl: aws.fallback.url, Entries: entries }));
  }
  return (count / (performance.now() - started)) * 1000;
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Alternates both, so that a machine that slows down affects both. */
async function compare(
  name: string,
  ours: () => Promise<number>,
  bare: () => Promise<number>,
): Promise<void> {
  const rates: { ours: number; bare: number }[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) rates.push({ bare: await bare(), ours: await ours() });
  // The first round is slow because the code is not compiled yet.
  const counted = rates.slice(1);
  const ratio = median(counted.map((rate) => rate.ours / rate.bare));
  const rate = (of: 'ours' | 'bare') => Math.round(median(counted.map((one) => one[of])));
  console.log(
    `${name}: ${rate('ours')}/s, bare ${rate('bare')}/s, ratio ${ratio.toFixed(2)} (median of ${ROUNDS})`,
  );
}

async function idleLatency(bench: Bench, smtp: SmtpDouble): Promise<void> {
  await insertRows(bench, 0);
  const outbox = new PostgresOutbox({
    connectionString: bench.databaseUrl,
    workerId: 'idle',
    providers: ['smtp'],
    defaultTimeToLiveMs: HOUR_MS,
  });
  const { aws } = bench;
  const mailer = createMailer({
    smtp: { host: smtp.host, port: smtp.port, tlsCa: smtp.certificatePem },
    fallback: fallbackSettingsFor(aws),
  });
  const worker = createWorker({ outbox, mailer });
  worker.start();
  const times: number[] = [];
  for (let mail = 0; mail < IDLE_MAILS; mail += 1) {
    const taken = smtp.waitFor(({ to }) => to.includes(`idle-${mail}@example.org`));
    const reached = smtp.reached('mail');
    const started = performance.now();
    await bench.pool.query(
      `INSERT INTO outbound_deliveries (id, provider, status, attempt_count, created_at, target_address, delivery_trace)
       VALUES ($1, 'smtp', 'queued', 0, now(), $2, '{"fromAddress": "support@keybuzz.io", "emailBody": "Hi."}')`,
      [`idle-${mail}`, `idle-${mail}@example.org`],
    );
    await reached;
    times.push(performance.now() - started);
    await taken;
  }
  await worker.drain(5_000);
  await mailer.close();
  await outbox.close();
  // The first one opens the connection.
  const sorted = times.slice(10).sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(1);
  console.log(`INSERT to MAIL FROM at idle: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (${sorted.length} mails)`);
}

async function run(): Promise<void> {
  const postgres = await startPostgres();
  const databaseUrl = postgres.connectionString;
  await migrate({ connectionString: databaseUrl });
  const aws = await startSqsAndS3({ visibilitySeconds: 3600 });
  const smtp = await startSmtpDouble();
  const bench: Bench = { pool: new Pool({ connectionString: databaseUrl }), databaseUrl, aws };
  await idleLatency(bench, smtp);
  await smtp.behave({ kind: 'refused' });
  await compare(
    'hand-over, breaker open',
    () => workerRate(bench, smtp, ROWS, 'open'),
    () => queueRate(bench, ROWS),
  );
  if (canRunPostfix) {
    const sink = await startPostfix({ relayPort: smtp.port, discard: true });
    await compare(
      'PostgreSQL to Postfix',
      () => workerRate(bench, sink, ROWS, 'closed'),
      () => poolRate(sink, ROWS),
    );
    sink.remove();
  } else console.log('PostgreSQL to Postfix: left out, no Postfix here');
  await Promise.all([bench.pool.end(), smtp.close(), aws.close()]);
  await postgres.close();
}

await run();
