/**
 * Measures how the claim slows down while another session holds an old snapshot, as a dump or a report does: nothing
 * that was sent can be removed from the table and its indexes. Beside it, in turns on the same machine, the usual
 * claim of a queue in PostgreSQL, `SELECT … ORDER BY … LIMIT … FOR UPDATE SKIP LOCKED`, over rows of its own.
 *
 *   backlog      all mails wait from the beginning
 *   as they come a hundred mails are inserted and claimed, again and again
 *
 *   npm run bench:claim -- [--mails 150000] [--tenants 2,10000] [--steps 6] [--without-plain]
 */
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { PostgresOutbox } from '../../lib/adapters/postgres/postgres-outbox.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import { startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';

const BATCH = 100;
/** Of these, half are counted; the first ones open connections and compile the code. */
const WARM_UP = 40;

const { values } = parseArgs({
  options: {
    mails: { type: 'string', default: '150000' },
    tenants: { type: 'string', default: '2,10000' },
    steps: { type: 'string', default: '6' },
    'without-plain': { type: 'boolean', default: false },
  },
});
const STEPS = Number(values.steps);
const BATCHES_PER_STEP = Math.ceil(Number(values.mails) / BATCH / STEPS);

type Arrival = 'backlog' | 'as they come';

/** A queue to measure. */
interface Queue {
  readonly name: string;
  insert(count: number): Promise<void>;
  /** @returns the ids */
  claim(): Promise<readonly string[]>;
  complete(ids: readonly string[]): Promise<void>;
  /** Holds a snapshot until the queue is closed. */
  holdSnapshot(): Promise<void>;
  close(): Promise<void>;
}

interface Measured {
  readonly msPerClaim: number;
  readonly mailsPerSecond: number;
}

async function connected(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}

async function snapshotOf(connectionString: string, table: string): Promise<Client> {
  const client = await connected(connectionString);
  await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM ${table} LIMIT 1`);
  return client;
}

async function outboxQueue(connectionString: string, tenants: number): Promise<Queue> {
  await migrate({ connectionString });
  const client = await connected(connectionString);
  const outbox = new PostgresOutbox({
    connectionString,
    workerId: 'bench',
    providers: ['smtp'],
    defaultTimeToLiveMs: DAY_MS,
  });
  let inserted = 0;
  let holder: Client | undefined;
  return {
    name: 'outbox',
    insert: async (count) => {
      await client.query(
        `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, created_at, target_address, delivery_trace)
         SELECT 'mail-' || n, 'tenant-' || n % $3::int, 'smtp', 'queued', clock_timestamp(), 'marie@example.org',
           '{"fromAddress": "support@keybuzz.io", "emailSubject": "Your order", "emailBody": "It is on its way."}'
         FROM generate_series($1::int, $1 + $2::int - 1) AS n`,
        [inserted, count, tenants],
      );
      inserted += count;
    },
    claim: async () => {
      const claims = await outbox.claim({ limit: BATCH, leaseMs: 60_000, route: 'smtp' });
      return claims.map(({ id }) => id);
    },
    complete: async (ids) => {
      const attempt = {
        at: '2026-11-22T10:00:00.000Z',
        outcome: 'taken',
        durationMs: 1,
        worker: 'bench',
      } as const;
      await outbox.complete(ids.map((id) => ({ id, next: { kind: 'delivered' }, attempt })));
    },
    holdSnapshot: async () => {
      holder = await snapshotOf(connectionString, 'outbound_deliveries');
    },
    close: async () => {
      await Promise.all([client.end(), holder?.end(), outbox.close()]);
    },
  };
}

/** The claim of most queues in PostgreSQL, without fairness among tenants, along an index in its order. */
async function plainQueue(connectionString: string, tenants: number): Promise<Queue> {
  const client = await connected(connectionString);
  await client.query(
    `CREATE TABLE jobs (
       id text PRIMARY KEY, tenant_id text, status text, priority smallint DEFAULT 0, created_at timestamptz, payload jsonb
     )`,
  );
  await client.query(
    `CREATE INDEX jobs_waiting_idx ON jobs (priority DESC, created_at, id) WHERE status = 'queued'`,
  );
  let inserted = 0;
  let holder: Client | undefined;
  return {
    name: 'plain',
    insert: async (count) => {
      await client.query(
        `INSERT INTO jobs (id, tenant_id, status, created_at, payload)
         SELECT 'mail-' || n, 'tenant-' || n % $3::int, 'queued', clock_timestamp(),
           '{"fromAddress": "support@keybuzz.io", "emailSubject": "Your order", "emailBody": "It is on its way."}'
         FROM generate_series($1::int, $1 + $2::int - 1) AS n`,
        [inserted, count, tenants],
      );
      inserted += count;
    },
    claim: async () => {
      const { rows } = await client.query<{ readonly id: string }>(
        `UPDATE jobs SET status = 'active' WHERE id = ANY (ARRAY(
           SELECT id FROM jobs WHERE status = 'queued'
           ORDER BY priority DESC, created_at, id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
         )) RETURNING *`,
      );
      return rows.map(({ id }) => id);
    },
    complete: async (ids) => {
      await client.query(`UPDATE jobs SET status = 'completed' WHERE id = ANY ($1::text[])`, [ids]);
    },
    holdSnapshot: async () => {
      holder = await snapshotOf(connectionString, 'jobs');
    },
    close: async () => {
      await Promise.all([client.end(), holder?.end()]);
    },
  };
}

const median = (times: readonly number[]) =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;

async function measure(queue: Queue, arrival: Arrival, batches: number): Promise<Measured> {
  const claims: number[] = [];
  let total = 0;
  let sent = 0;
  for (let batch = 0; batch < batches; batch += 1) {
    if (arrival === 'as they come') await queue.insert(BATCH);
    const started = performance.now();
    const ids = await queue.claim();
    const claimed = performance.now();
    await queue.complete(ids);
    claims.push(claimed - started);
    total += performance.now() - started;
    sent += ids.length;
  }
  if (sent !== batches * BATCH) throw new Error(`${queue.name}: ${sent} of ${batches * BATCH} mails`);
  return { msPerClaim: median(claims), mailsPerSecond: (sent / total) * 1000 };
}

const printRow = (...cells: readonly string[]) => {
  console.log(cells.map((cell) => cell.padStart(13)).join(''));
};

async function run(): Promise<void> {
  const postgres = await startPostgres();
  printRow('tenants', 'arrival', 'queue', 'sent under it', 'ms per claim', 'slower by', 'mails/s');
  const admin = await connected(postgres.connectionString);
  const databaseOf = async (name: string) => {
    await admin.query(`CREATE DATABASE ${name}`);
    const url = new URL(postgres.connectionString);
    url.pathname = name;
    return url.href;
  };
  for (const tenants of values.tenants.split(',').map(Number)) {
    for (const arrival of ['backlog', 'as they come'] as const) {
      const suffix = `${tenants}_${arrival.replaceAll(' ', '_')}`;
      const queues = [await outboxQueue(await databaseOf(`outbox_${suffix}`), tenants)];
      if (!values['without-plain']) {
        queues.push(await plainQueue(await databaseOf(`plain_${suffix}`), tenants));
      }
      const start = new Map<Queue, number>();
      const print = (sent: number, { msPerClaim, mailsPerSecond }: Measured, queue: Queue) => {
        const ratio = msPerClaim / (start.get(queue) ?? Number.NaN);
        printRow(
          String(tenants),
          arrival,
          queue.name,
          String(sent),
          msPerClaim.toFixed(1),
          `${ratio.toFixed(1)} x`,
          mailsPerSecond.toFixed(0),
        );
      };
      for (const queue of queues) {
        if (arrival === 'backlog') {
          // As many remain at the end as one batch has, for each tenant.
          const counted = (WARM_UP + STEPS * BATCHES_PER_STEP) * BATCH;
          await queue.insert(counted + BATCH * Math.min(tenants, 100));
        }
        await measure(queue, arrival, WARM_UP / 2);
        const measured = await measure(queue, arrival, WARM_UP / 2);
        start.set(queue, measured.msPerClaim);
        print(0, measured, queue);
        await queue.holdSnapshot();
      }
      for (let step = 1; step <= STEPS; step += 1) {
        for (const queue of queues) {
          print(step * BATCHES_PER_STEP * BATCH, await measure(queue, arrival, BATCHES_PER_STEP), queue);
        }
      }
      await Promise.all(queues.map((queue) => queue.close()));
    }
  }
  await admin.end();
  await postgres.close();
}

await run();
