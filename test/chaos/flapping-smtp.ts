/**
 * Many rows, three workers, an SMTP server that fails in a different way every two seconds, and every three
 * seconds a worker is killed with SIGKILL and replaced. Afterwards every row must have been sent or queued,
 * and every mail sent twice must have an unavoidable reason. Prints the counts; exits with 1 otherwise.
 *
 *   npm run chaos -- [rows]
 */
import { setTimeout as delay } from 'node:timers/promises';
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { Pool } from 'pg';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { type FallbackMessage, parseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { headerValues } from '../../lib/domain/mime-headers.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import type { ReceivedMail } from '../../lib/emulators/smtp/received-mail.ts';
import type { SmtpBehaviour } from '../../lib/emulators/smtp/smtp-behaviour.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { WorkerProcess } from '../../lib/emulators/worker-process.ts';

const ROWS = Number(process.argv[2] ?? 20_000);
const WORKERS = 3;
const FLAP_MS = 2_000;
const KILL_MS = 3_000;
const LEASE_MS = 5_000;
const PATIENCE_MS = 10 * 60_000;

/** One after another, each between two healthy periods. */
const FAILURES: readonly (readonly SmtpBehaviour[])[] = [
  [{ kind: 'refused' }],
  [{ kind: 'break', at: 'final-dot', by: 'reset' }],
  [{ kind: 'blackhole' }],
  [{ kind: 'break', at: 'body', by: 'reset' }],
  [{ kind: 'final-reply', reply: '451 4.3.0 Try again later' }],
  [{ kind: 'break', at: 'mail', by: 'close' }],
];

interface Chaos {
  readonly pool: Pool;
  readonly smtp: SmtpDouble;
  readonly aws: SqsAndS3;
  readonly startWorker: () => Promise<WorkerProcess>;
  readonly over: AbortSignal;
}

const say = (text: string) => process.stderr.write(`${text}\n`);

async function insertRows(pool: Pool): Promise<void> {
  await pool.query(
    `INSERT INTO outbound_deliveries
       (id, tenant_id, provider, status, attempt_count, created_at, target_address, delivery_trace)
     SELECT 'chaos-' || n, 'tenant-' || n % 20, 'smtp', 'queued', 0, now(), 'buyer-' || n || '@example.org',
       jsonb_build_object('fromAddress', 'support@keybuzz.io', 'emailSubject', 'chaos-' || n, 'emailBody', 'Hello.')
     FROM generate_series(1, $1) n`,
    [ROWS],
  );
}

async function flap({ smtp, over }: Chaos): Promise<number> {
  let failures = 0;
  while (!over.aborted) {
    await smtp.behave({ kind: 'healthy' });
    await delay(FLAP_MS, undefined, { signal: over }).catch(() => {});
    await smtp.behave(...(FAILURES[failures % FAILURES.length] ?? []));
    failures += 1;
    await delay(FLAP_MS, undefined, { signal: over }).catch(() => {});
  }
  return failures;
}

/** Returns the ids that a killed worker had leased: only for those may the result be unknown. */
async function killWorkers(
  chaos: Chaos,
  workers: WorkerProcess[],
): Promise<{ kills: number; inHand: Set<string> }> {
  const inHand = new Set<string>();
  let kills = 0;
  for (;;) {
    await delay(KILL_MS, undefined, { signal: chaos.over }).catch(() => {});
    if (chaos.over.aborted) return { kills, inHand };
    const victim = workers[kills % workers.length];
    await victim?.kill();
    kills += 1;
    for (const id of await leasedBy(chaos.pool, victim?.pid)) inHand.add(id);
    workers[(kills - 1) % workers.length] = await chaos.startWorker();
  }
}

async function leasedBy(pool: Pool, pid: number | undefined): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM outbound_deliveries WHERE lease_owner LIKE '%-' || $1 || '-%'`,
    [String(pid)],
  );
  return rows.map(({ id }) => id);
}

async function untilSettled({ pool }: Chaos): Promise<boolean> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const { rows } = await pool.query<{ left: number }>(
      `SELECT count(*)::int AS left FROM outbound_deliveries WHERE status = 'queued' OR lease_owner IS NOT NULL`,
    );
    const left = rows[0]?.left ?? 0;
    say(`  ${ROWS - left} of ${ROWS} rows settled`);
    if (left === 0) return true;
    await delay(2_000);
  }
  return false;
}

async function drainQueue({ sqs, fallback }: SqsAndS3): Promise<FallbackMessage[]> {
  const envelopes: FallbackMessage[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: fallback.url, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return envelopes;
    envelopes.push(...Messages.map(envelopeOf));
    const entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: fallback.url, Entries: entries }));
  }
}

function envelopeOf({ Body = '' }: Message): FallbackMessage {
  const parsed = parseFallbackMessage(Body);
  if (parsed.kind !== 'message') throw new Error(`the queue holds no envelope: ${parsed.detail}`);
  return parsed.message;
}

/** The subject of these mails is their row id. */
const idOf = ({ raw }: ReceivedMail) => headerValues(raw, 'subject')[0] ?? '';

interface Arrivals {
  /** Got a 250 response. */
  taken: number;
  /** Received completely, but the connection was cut before the response: the sender cannot know. */
  unanswered: number;
  queued: number;
}

function countArrivals(smtp: SmtpDouble, envelopes: readonly FallbackMessage[]): Map<string, Arrivals> {
  const arrivals = new Map<string, Arrivals>();
  for (let row = 1; row <= ROWS; row += 1)
    arrivals.set(`chaos-${row}`, { taken: 0, unanswered: 0, queued: 0 });
  const count = (id: string, kind: keyof Arrivals) => {
    const found = arrivals.get(id);
    if (found === undefined) throw new Error(`a mail of no row came out: ${id}`);
    found[kind] += 1;
  };
  for (const mail of smtp.mails) count(idOf(mail), 'taken');
  for (const mail of smtp.unanswered) count(idOf(mail), 'unanswered');
  for (const { id } of envelopes) count(id, 'queued');
  return arrivals;
}

/** If two envelopes with one id differ, they cannot be recognised as duplicates. */
function idsOfDifferentMails(envelopes: readonly FallbackMessage[]): Set<string> {
  const first = new Map<string, string>();
  const different = new Set<string>();
  for (const { id, content } of envelopes) {
    const bytes = JSON.stringify(content);
    if ((first.get(id) ?? bytes) !== bytes) different.add(id);
    first.set(id, bytes);
  }
  return different;
}

function report(
  arrivals: Map<string, Arrivals>,
  inHand: ReadonlySet<string>,
  different: ReadonlySet<string>,
): number {
  let lost = 0;
  const twice = {
    'its worker was killed with it in hand, both in the queue under one id with the same bytes': 0,
    'its worker was killed with it in hand, one of them by SMTP': 0,
    'the server took it and its answer was lost': 0,
    unexplained: 0,
  };
  const unexplained: string[] = [];
  for (const [id, { taken, unanswered, queued }] of arrivals) {
    if (taken + queued === 0) lost += 1;
    if (taken + unanswered + queued < 2) continue;
    if (inHand.has(id) && taken + unanswered === 0 && !different.has(id)) {
      twice['its worker was killed with it in hand, both in the queue under one id with the same bytes'] += 1;
    } else if (inHand.has(id) && !different.has(id))
      twice['its worker was killed with it in hand, one of them by SMTP'] += 1;
    else if (unanswered > 0 && taken + queued === 1) twice['the server took it and its answer was lost'] += 1;
    else {
      twice.unexplained += 1;
      unexplained.push(id);
    }
  }
  const total = (kind: keyof Arrivals) => [...arrivals.values()].reduce((sum, one) => sum + one[kind], 0);
  console.log(
    `rows ${ROWS}, taken by SMTP ${total('taken')}, handed over ${total('queued')}, cut off at the answer ${total('unanswered')}`,
  );
  console.log(`lost: ${lost}`);
  for (const [reason, ids] of Object.entries(twice)) console.log(`came out twice, ${reason}: ${ids}`);
  for (const id of unexplained.slice(0, 20)) console.log(`  ${id}: ${JSON.stringify(arrivals.get(id))}`);
  return lost + twice.unexplained;
}

async function run(): Promise<number> {
  const postgres = await startPostgres();
  await migrate({ connectionString: postgres.connectionString });
  const smtp = await startSmtpDouble();
  const aws = await startSqsAndS3({ visibilitySeconds: 3600 });
  const pool = new Pool({ connectionString: postgres.connectionString, max: 2 });
  const over = new AbortController();
  const startWorker = () =>
    WorkerProcess.start({
      environment: {
        DATABASE_URL: postgres.connectionString,
        SMTP_HOST: smtp.host,
        SMTP_PORT: String(smtp.port),
        SMTP_TLS_CA: smtp.certificatePem,
        SMTP_CONNECT_TIMEOUT_MS: '1000',
        SMTP_GREETING_TIMEOUT_MS: '1000',
        SMTP_BREAKER_PROBE_INTERVAL_MS: '500',
        FALLBACK_QUEUE_URL: aws.fallback.url,
        PAYLOAD_BUCKET: aws.bucket,
        AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
        AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
        AWS_ENDPOINT_URL_SQS: aws.endpoint,
        AWS_ENDPOINT_URL_S3: aws.endpoint,
        OUTBOUND_LEASE_MS: String(LEASE_MS),
        OUTBOUND_POLL_INTERVAL_MS: '500',
      },
    });
  const chaos: Chaos = { pool, smtp, aws, startWorker, over: over.signal };
  say(`inserting ${ROWS} rows and starting ${WORKERS} workers`);
  await insertRows(pool);
  const workers = await Promise.all(Array.from({ length: WORKERS }, startWorker));
  const started = performance.now();
  const flapping = flap(chaos);
  const killing = killWorkers(chaos, workers);
  const settled = await untilSettled(chaos);
  over.abort();
  const [failures, { kills, inHand }] = await Promise.all([flapping, killing]);
  const seconds = Math.round((performance.now() - started) / 1000);
  await Promise.all(workers.map((worker) => worker.stop()));
  say('counting what came out');
  const envelopes = await drainQueue(aws);
  const wrong = report(countArrivals(smtp, envelopes), inHand, idsOfDifferentMails(envelopes));
  console.log(`${seconds} s, the server failed ${failures} times, ${kills} workers were killed`);
  await Promise.all([pool.end(), smtp.close(), aws.close()]);
  await postgres.close();
  return settled && wrong === 0 ? 0 : 1;
}

process.exitCode = await run();
