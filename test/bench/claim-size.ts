/**
 * Measures the claim of 100 by the number of rows: tables of 10,000, 100,000 and 1,000,000 rows, half of them delivered,
 * of 10,000 tenants, urgent and normal mail. The tables take turns, so that what else the machine does meets all alike,
 * and keep their size: as many as were completed are deleted and come anew, between the claims.
 *
 *   npm run bench:claim-size -- [--rows 10000,100000,1000000] [--claims 300] [--explain]
 */
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { ConnectionPool, SESSION_OF_KEPT_PLANS } from '../../lib/adapters/postgres/connection.ts';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { PostgresOutbox } from '../../lib/adapters/postgres/postgres-outbox.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import { type EmbeddedPostgres, startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';

const BATCH = 100;
const TENANTS = 10_000;
/** One in so many is urgent. */
const URGENT = 17;
const WARM_UP = 20;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000,100000,1000000' },
    claims: { type: 'string', default: '300' },
    explain: { type: 'boolean', default: false },
  },
});
const CLAIMS = Number(values.claims);

/** The statements of a claim, in their order. */
const EXPLAINED = ['look for arrivals', 'look for candidates', 'claim'];

const ATTEMPT = {
  at: '2026-11-22T10:00:00.000Z',
  outcome: 'taken',
  durationMs: 12,
  worker: 'bench',
  messageId: '<mail-1@keybuzz.io>',
} as const;

interface Table {
  readonly rows: number;
  readonly client: Client;
  readonly outbox: PostgresOutbox;
  /** The number of the next row. */
  next: number;
  readonly claimMs: number[];
  readonly completeMs: number[];
}

async function insert(
  client: Client,
  first: number,
  count: number,
  half: 'delivered' | 'none',
): Promise<void> {
  await client.query(
    `INSERT INTO outbound_deliveries
       (id, tenant_id, provider, status, priority, attempt_count, created_at, delivered_at, target_address, delivery_trace)
     SELECT 'mail-' || n, 'tenant-' || n % ${TENANTS}, 'smtp', CASE WHEN sent THEN 'delivered' ELSE 'queued' END,
       CASE WHEN n % ${URGENT} = 0 THEN 10 ELSE 0 END, sent::int, clock_timestamp(), CASE WHEN sent THEN now() END,
       'buyer-' || n || '@example.org',
       jsonb_build_object('fromAddress', 'support@keybuzz.io', 'emailSubject', 'Order ' || n,
         'emailBody', repeat('Dear customer, your order is on its way. ', 8))
     FROM (SELECT n, $3 AND (n + n / ${TENANTS}) % 2 = 0 AS sent FROM generate_series($1::int, $1 + $2::int - 1) AS n) AS numbered`,
    [first, count, half === 'delivered'],
  );
}

async function fill(postgres: EmbeddedPostgres, rows: number): Promise<Table> {
  const url = new URL(postgres.connectionString);
  const admin = new Client({ connectionString: url.href });
  await admin.connect();
  await admin.query(`CREATE DATABASE of_${rows}`);
  await admin.end();
  url.pathname = `of_${rows}`;
  const connectionString = url.href;
  await migrate({ connectionString });
  const client = new Client({ connectionString });
  await client.connect();
  await client.query('SET synchronous_commit = off');
  for (let first = 0; first < rows; first += 50_000) {
    await insert(client, first, Math.min(rows - first, 50_000), 'delivered');
  }
  await client.query('VACUUM ANALYZE outbound_deliveries');
  const outbox = new PostgresOutbox({
    connectionString,
    workerId: 'bench',
    providers: ['smtp'],
    defaultTimeToLiveMs: DAY_MS,
  });
  return { rows, client, outbox, next: rows, claimMs: [], completeMs: [] };
}

async function claimAndComplete(table: Table): Promise<void> {
  const { outbox, client } = table;
  const begun = performance.now();
  const claims = await outbox.claim({ limit: BATCH, leaseMs: 60_000, route: 'smtp' });
  const claimed = performance.now();
  const ids = claims.map(({ id }) => id);
  await outbox.complete(ids.map((id) => ({ id, next: { kind: 'delivered' }, attempt: ATTEMPT })));
  table.claimMs.push(claimed - begun);
  table.completeMs.push(performance.now() - claimed);
  if (ids.length !== BATCH) throw new Error(`${table.rows} rows: ${ids.length} claimed in place of ${BATCH}`);
  await client.query('DELETE FROM outbound_deliveries WHERE id = ANY ($1::text[])', [ids]);
  await insert(client, table.next, BATCH, 'none');
  table.next += BATCH;
}

/** Prints the plans of the next claim, with what it meets there; the statements change nothing. */
async function explainClaim({ client, outbox, rows }: Table): Promise<void> {
  for (const [name, value] of Object.entries(SESSION_OF_KEPT_PLANS))
    await client.query(`SET ${name} = ${value}`);
  const { query } = ConnectionPool.prototype;
  ConnectionPool.prototype.query = async function <Row extends object>(
    this: ConnectionPool,
    action: string,
    text: string,
    parameters: unknown[],
  ): Promise<Row[]> {
    if (EXPLAINED.includes(action)) {
      await client.query('BEGIN');
      const plan = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) ${text}`,
        parameters,
      );
      await client.query('ROLLBACK');
      console.log(`\n${rows} rows: ${action}\n${plan.rows.map((row) => row['QUERY PLAN']).join('\n')}`);
    }
    return query.call(this, action, text, parameters) as Promise<Row[]>;
  };
  await outbox.claim({ limit: BATCH, leaseMs: 60_000, route: 'smtp' });
  ConnectionPool.prototype.query = query;
}

function percentile(times: readonly number[], share: number): number {
  return [...times].sort((one, other) => one - other)[Math.ceil(times.length * share) - 1] ?? Number.NaN;
}

const printRow = (...cells: readonly string[]) => {
  console.log(cells.map((cell) => cell.padStart(14)).join(''));
};

function printTable(tables: readonly Table[]): void {
  printRow('rows', 'claim p50 ms', 'p99 ms', 'p50 ratio', 'p99 ratio', 'complete p50', 'p99 ms');
  const [smallest] = tables;
  for (const { rows, claimMs, completeMs } of tables) {
    const ratio = (share: number) =>
      `${(percentile(claimMs, share) / percentile(smallest?.claimMs ?? [], share)).toFixed(2)} x`;
    const ms = (times: readonly number[], share: number) => percentile(times, share).toFixed(1);
    printRow(
      String(rows),
      ms(claimMs, 0.5),
      ms(claimMs, 0.99),
      ratio(0.5),
      ratio(0.99),
      ms(completeMs, 0.5),
      ms(completeMs, 0.99),
    );
  }
}

const postgres = await startPostgres();
const tables: Table[] = [];
for (const rows of values.rows.split(',').map(Number)) {
  const begun = performance.now();
  tables.push(await fill(postgres, rows));
  console.log(`${rows} rows filled in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
}
for (let round = 0; round < WARM_UP + CLAIMS; round += 1) {
  for (const table of tables) {
    await claimAndComplete(table);
    if (round >= WARM_UP) continue;
    table.claimMs.length = 0;
    table.completeMs.length = 0;
  }
}
printTable(tables);
if (values.explain) for (const table of tables) await explainClaim(table);
await Promise.all(tables.map(({ client, outbox }) => Promise.all([client.end(), outbox.close()])));
await postgres.close();
