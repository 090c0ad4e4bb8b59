/**
 * The worker beside what one would build instead, on the same rows and the same SMTP server, in turn:
 *
 *   - a loop of SELECT … FOR UPDATE SKIP LOCKED around a nodemailer pool
 *   - graphile-worker around a nodemailer pool, if it is installed (`npm install --no-save graphile-worker`)
 *   - a bare nodemailer pool without a database
 *
 * `smtp-sink` and Postfix are those of Debian's package; without it this bench says so and ends.
 *
 *   npm run bench:peers -- [--rows 3000] [--rounds 3] [--only sink|postfix] [--peer NAME] [--profile] [--json]
 *
 * `--profile` compares nothing: it prints what the worker spends its time on.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import nodemailer from 'nodemailer';
import { Pool, type PoolClient } from 'pg';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { PostgresOutbox } from '../../lib/adapters/postgres/postgres-outbox.ts';
import { HOUR_MS } from '../../lib/common/time.ts';
import { startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import { silentObserver } from '../../lib/ports/outbox.ts';
import { createWorker } from '../../lib/worker/create-worker.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { canRunPostfix, type Postfix, startPostfix } from '../support/postfix.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { profileShares } from './profile-shares.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '3000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    peer: { type: 'string' },
    profile: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const ROWS = Number(values.rows);
const ROUNDS = Number(values.rounds);
const CONNECTIONS = 10;
const CLAIMED_TOGETHER = 100;
const BODY = 'Dear customer, your order is on its way.\r\n'.repeat(45);

interface Target {
  readonly name: 'sink' | 'postfix';
  readonly host: string;
  readonly port: number;
  /** Resolves when it is done with all that it has taken. */
  idle(): Promise<void>;
}

interface Row {
  readonly id: string;
  readonly target_address: string;
  readonly delivery_trace: {
    readonly fromAddress: string;
    readonly emailSubject: string;
    readonly emailBody: string;
  };
}

interface Database {
  readonly pool: Pool;
  readonly url: string;
}

const postgres = await startPostgres();
const database: Database = {
  url: postgres.connectionString,
  pool: new Pool({ connectionString: postgres.connectionString }),
};
await migrate({ connectionString: database.url });
const { rows: started } = await database.pool.query<{ pid: number }>(
  "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid",
);
const postmaster = started[0]?.pid;
const aws = await startSqsAndS3({ visibilitySeconds: 3600 });

async function insertRows(): Promise<void> {
  await database.pool.query('TRUNCATE outbound_deliveries');
  await database.pool.query(
    `INSERT INTO outbound_deliveries
       (id, tenant_id, provider, status, attempt_count, created_at, target_address, delivery_trace)
     SELECT 'bench-' || n, 'tenant-' || n % 10, 'smtp', 'queued', 0, now(), 'buyer-' || n || '@example.org',
       jsonb_build_object('fromAddress', 'support@keybuzz.io', 'emailSubject', 'Order ' || n, 'emailBody', $2::text)
     FROM generate_series(1, $1) n`,
    [ROWS, BODY],
  );
}

function openPool({ host, port }: Target) {
  return nodemailer.createTransport({
    pool: true,
    maxConnections: CONNECTIONS,
    maxMessages: 1_000_000,
    host,
    port,
  });
}

function mailOf({ id, target_address, delivery_trace }: Row) {
  const { fromAddress, emailSubject, emailBody } = delivery_trace;
  return {
    from: fromAddress,
    to: target_address,
    subject: emailSubject,
    text: emailBody,
    messageId: `<${id}@keybuzz.io>`,
  };
}

/** The worker of this project with its default settings but for the number of connections. */
async function ours(target: Target): Promise<void> {
  const outbox = new PostgresOutbox({
    connectionString: database.url,
    workerId: 'bench',
    providers: ['smtp'],
    defaultTimeToLiveMs: HOUR_MS,
  });
  const mailer = createMailer({
    smtp: { host: target.host, port: target.port, maxConnections: CONNECTIONS },
    fallback: fallbackSettingsFor(aws),
  });
  let left = ROWS;
  const done = Promise.withResolvers<void>();
  const completed = () => {
    left -= 1;
    if (left === 0) done.resolve();
  };
  const worker = createWorker({
    outbox,
    mailer,
    observer: { ...silentObserver, completed },
    tuning: { concurrency: 2 * CONNECTIONS },
  });
  worker.start();
  await done.promise;
  // The last rows are written after the last mail.
  await worker.drain(5_000);
  await mailer.close();
  await outbox.close();
}

/** A transaction for each batch; a crash sends it again. */
async function skipLockedLoop(target: Target): Promise<void> {
  const transporter = openPool(target);
  const client = await database.pool.connect();
  for (;;) {
    await client.query('BEGIN');
    const { rows } = await client.query<Row>(
      `SELECT id, target_address, delivery_trace FROM outbound_deliveries
       WHERE status = 'queued' ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED`,
      [CLAIMED_TOGETHER],
    );
    const sent = await Promise.all(
      rows.map(async (row) => ({ row, info: await transporter.sendMail(mailOf(row)) })),
    );
    await markDelivered(
      client,
      sent.map(({ row }) => row.id),
    );
    await client.query('COMMIT');
    if (rows.length === 0) break;
  }
  client.release();
  transporter.close();
}

async function markDelivered(client: PoolClient, ids: readonly string[]): Promise<void> {
  await client.query(
    `UPDATE outbound_deliveries SET status = 'delivered', attempt_count = attempt_count + 1
     WHERE id = ANY($1)`,
    [ids],
  );
}

async function barePool(target: Target): Promise<void> {
  const transporter = openPool(target);
  const delivery_trace = { fromAddress: 'support@keybuzz.io', emailSubject: 'Order', emailBody: BODY };
  await Promise.all(
    Array.from({ length: ROWS }, (_, index) =>
      transporter.sendMail(
        mailOf({ id: `bench-${index}`, target_address: `buyer-${index}@example.org`, delivery_trace }),
      ),
    ),
  );
  transporter.close();
}

/** Jobs with the id of a row; undefined if the package is not installed. */
async function loadGraphileWorker(): Promise<((target: Target) => Promise<void>) | undefined> {
  const name: string = 'graphile-worker';
  const graphile = await import(name).catch(() => undefined);
  if (graphile === undefined) return undefined;
  return async (target) => {
    const transporter = openPool(target);
    let left = ROWS;
    const done = Promise.withResolvers<void>();
    const send = async ({ id }: { readonly id: string }) => {
      const { rows } = await database.pool.query<Row>(
        'SELECT id, target_address, delivery_trace FROM outbound_deliveries WHERE id = $1',
        [id],
      );
      const [row] = rows;
      if (row === undefined) return;
      await transporter.sendMail(mailOf(row));
      await database.pool.query("UPDATE outbound_deliveries SET status = 'delivered' WHERE id = $1", [id]);
      left -= 1;
      if (left === 0) done.resolve();
    };
    const runner = await graphile.run({
      connectionString: database.url,
      concurrency: 2 * CONNECTIONS,
      noHandleSignals: true,
      logger: new graphile.Logger(() => () => {}),
      preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0 } },
      taskList: { send },
    });
    await database.pool.query(
      "SELECT count(*) FROM (SELECT graphile_worker.add_job('send', json_build_object('id', id)) FROM outbound_deliveries) added",
    );
    await done.promise;
    await runner.stop();
    transporter.close();
  };
}

interface Timed {
  /** Mails a second. */
  readonly rate: number;
  /** Milliseconds of this process, for a mail: unlike the rate, a busy machine changes it little. */
  readonly cpuMs: number;
  /** The same of PostgreSQL. */
  readonly postgresCpuMs: number;
}

async function timed(run: (target: Target) => Promise<void>, target: Target): Promise<Timed> {
  await insertRows();
  // What the side before has left would be delivered at the cost of this one.
  await target.idle();
  const begunMs = performance.now();
  const usedBefore = process.cpuUsage();
  const postgresBeforeMs = postgresCpuMs();
  await run(target);
  const tookMs = performance.now() - begunMs;
  const { user, system } = process.cpuUsage(usedBefore);
  return {
    rate: (ROWS / tookMs) * 1000,
    cpuMs: (user + system) / 1000 / ROWS,
    postgresCpuMs: (postgresCpuMs() - postgresBeforeMs) / ROWS,
  };
}

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

/** Of the server, its sessions and those that have ended; NaN without the /proc of Linux. */
function postgresCpuMs(): number {
  try {
    const processes = readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? ticksOf(pid) : []));
    const own = processes.filter(({ pid, parent }) => [pid, parent].includes(postmaster));
    return TICK_MS * own.reduce((sum, { ticks, ofChildren }) => sum + ticks + ofChildren, 0);
  } catch {
    return Number.NaN;
  }
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; none of a process that has just ended */
function ticksOf(pid: string) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, parent, ...fields] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, userOfChildren = 0, systemOfChildren = 0] = fields.slice(9);
    return [
      { pid: Number(pid), parent, ticks: user + system, ofChildren: userOfChildren + systemOfChildren },
    ];
  } catch {
    return [];
  }
}

async function printProfile(target: Target): Promise<void> {
  await timed(ours, target);
  await insertRows();
  const shares = await profileShares(() => ours(target));
  const words = Array.from(shares, ([name, share]) => `${name} ${(100 * share).toFixed(0)} %`);
  console.log(`PostgreSQL to ${target.name}: ${words.toSorted().join(', ')}`);
}

/** Postfix says nothing when it has delivered the last one. */
async function untilEmpty(postfix: Postfix): Promise<void> {
  while (postfix.queue().length > 0) await delay(100);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

if (!canRunPostfix) {
  console.log('left out: this bench needs root and the Debian package postfix, which brings smtp-sink');
} else {
  const sink = await startSmtpSink();
  const postfix = await startPostfix({ relayPort: sink.port, discard: true });
  const targets: Target[] = [
    { name: 'sink', host: sink.host, port: sink.port, idle: async () => {} },
    { name: 'postfix', host: postfix.host, port: postfix.port, idle: () => untilEmpty(postfix) },
  ];
  const graphileWorker = await loadGraphileWorker();
  const peers = {
    'SKIP LOCKED loop + pool': skipLockedLoop,
    'bare pool, no database': barePool,
    ...(graphileWorker === undefined ? {} : { 'graphile-worker + pool': graphileWorker }),
  };
  if (graphileWorker === undefined) console.log('graphile-worker is not installed: left out');
  const results = [];
  for (const target of targets.filter(({ name }) => values.only === undefined || name === values.only)) {
    if (values.profile) {
      await printProfile(target);
      continue;
    }
    for (const [name, peer] of Object.entries(peers)) {
      if (values.peer !== undefined && !name.includes(values.peer)) continue;
      const rounds: { ours: Timed; peer: Timed }[] = [];
      // In turn, so that a machine that slows down affects both; the first round compiles the code.
      for (let round = 0; round <= ROUNDS; round += 1) {
        rounds.push({ ours: await timed(ours, target), peer: await timed(peer, target) });
      }
      const counted = rounds.slice(1);
      const result = {
        target: target.name,
        peer: name,
        ours: Math.round(median(counted.map((one) => one.ours.rate))),
        theirs: Math.round(median(counted.map((one) => one.peer.rate))),
        ratio: median(counted.map((one) => one.ours.rate / one.peer.rate)),
        oursCpuMs: median(counted.map((one) => one.ours.cpuMs)),
        theirsCpuMs: median(counted.map((one) => one.peer.cpuMs)),
        oursPostgresCpuMs: median(counted.map((one) => one.ours.postgresCpuMs)),
        theirsPostgresCpuMs: median(counted.map((one) => one.peer.postgresCpuMs)),
      };
      results.push(result);
      console.log(
        `PostgreSQL to ${result.target.padEnd(8)} ours ${result.ours}/s, ${name} ${result.theirs}/s, ratio ${result.ratio.toFixed(2)}; CPU a mail of the client ${result.oursCpuMs.toFixed(2)} and ${result.theirsCpuMs.toFixed(2)} ms, of PostgreSQL ${result.oursPostgresCpuMs.toFixed(2)} and ${result.theirsPostgresCpuMs.toFixed(2)} ms`,
      );
    }
  }
  if (values.json) console.log(JSON.stringify({ rows: ROWS, rounds: ROUNDS, results }));
  postfix.remove();
  sink.stop();
}
await Promise.all([database.pool.end(), aws.close()]);
await postgres.close();
