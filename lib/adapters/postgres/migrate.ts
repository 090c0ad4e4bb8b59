import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type Log, silentLog } from '../../ports/runtime.ts';
import type { PostgresSettings } from './connection.ts';
import { clientConfig } from './connection.ts';
import { OutboxUnavailableError, outboxError, sqlState } from './errors.ts';
import type { Migration } from './migrations.ts';
import { allMigrations } from './migrations.ts';

/**
 * Whoever waits for a lock on the table makes everybody after it wait as well. So a migration waits a short
 * while, steps back to let the others pass, and tries again.
 */
const LOCK_TIMEOUT_MS = 2_000;
const LOCK_TRIES = 30;
const LOCK_PAUSE_MS = 1_000;

/** A concurrent index build waits for older transactions, and nobody waits for it. */
const CONCURRENT_LOCK_TIMEOUT_MS = 10 * 60 * 1000;

const TURN_PAUSE_MS = 200;
const TURN_TRIES = 3_000;

/** Any number that nothing else in the database locks by. */
const ADVISORY_LOCK = '7305180422';

export interface MigrationReport {
  /** The names of the migrations that this run applied; none where the database was up to date. */
  readonly applied: readonly string[];
}

/**
 * Brings the database up to date: creates the table where there is none, and adds to the one that is there.
 * It can be run again at any time, also by several at once: one works and the others wait for it. It needs a
 * direct connection or session pooling, since it holds a lock of its session.
 *
 * @throws OutboxUnavailableError where the database cannot be asked now or a lock was not to be had for a minute;
 * what was applied until then stays applied
 */
export async function migrate(settings: PostgresSettings, log: Log = silentLog): Promise<MigrationReport> {
  const client = new Client({
    ...clientConfig(settings, 'outbound-migrations'),
    // Building an index over a large table takes as long as it takes.
    statement_timeout: false,
    query_timeout: undefined,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await takeTurn(client);
    return { applied: await applyPending(client, log) };
  } catch (error) {
    throw outboxError('migrate', error);
  } finally {
    await client.end();
  }
}

/** Asks again and again instead of waiting in the database: a concurrent index build would wait for the waiting one. */
async function takeTurn(client: Client): Promise<void> {
  for (let attempt = 0; attempt < TURN_TRIES; attempt += 1) {
    const { rows } = await client.query<{ taken: boolean }>(
      `SELECT pg_try_advisory_lock(${ADVISORY_LOCK}) AS taken`,
    );
    if (rows[0]?.taken === true) return;
    await sleep(TURN_PAUSE_MS);
  }
  throw new OutboxUnavailableError('migrate', 'TIMEOUT', new Error('another run has not finished'));
}

async function applyPending(client: Client, log: Log): Promise<string[]> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS outbound_migrations (
      name text PRIMARY KEY,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
  const { rows } = await client.query<{ name: string }>('SELECT name FROM outbound_migrations');
  const done = new Set(rows.map(({ name }) => name));
  const applied: string[] = [];
  for (const migration of allMigrations) {
    if (done.has(migration.name)) continue;
    await applyPatiently(client, migration, log);
    applied.push(migration.name);
    log.info('migration-applied', { migration: migration.name });
  }
  return applied;
}

async function applyPatiently(client: Client, migration: Migration, log: Log): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await apply(client, migration);
      return;
    } catch (error) {
      if (!isLocked(error) || attempt === LOCK_TRIES) throw error;
      log.warn('migration-waits', { migration: migration.name, attempt });
      await sleep(LOCK_PAUSE_MS);
    }
  }
}

async function apply(client: Client, { name, inTransaction, statements }: Migration): Promise<void> {
  const lockTimeoutMs = inTransaction ? LOCK_TIMEOUT_MS : CONCURRENT_LOCK_TIMEOUT_MS;
  await client.query(`SET lock_timeout = ${lockTimeoutMs}`);
  const record = () => client.query('INSERT INTO outbound_migrations (name) VALUES ($1)', [name]);
  if (!inTransaction) {
    for (const statement of statements) await client.query(statement);
    await record();
    return;
  }
  await client.query('BEGIN');
  try {
    for (const statement of statements) await client.query(statement);
    await record();
    await client.query('COMMIT');
  } catch (error) {
    // Where the connection is gone, so is the transaction.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

function isLocked(error: unknown): boolean {
  const state = sqlState(error);
  return state === '55P03' || state === '40P01';
}
