import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { SettingsError } from '../../common/config.ts';
import { type Log, silentLog } from '../../ports/runtime.ts';
import { openClient, sessionSettings } from './connection.ts';
import { OutboxUnavailableError, outboxError, sqlState } from './errors.ts';
import type { Migration } from './migrations.ts';
import { allMigrations } from './migrations.ts';
import type { PostgresSettings } from './postgres-settings.ts';
import { isOwnSession, NOTIFY, setConfigs } from './session.ts';
import { assertSchemaExists, assertTable, type TableQuery } from './table-check.ts';
import { forTable, readTableName, type TableName } from './table-name.ts';

/**
 * A session that waits for a table lock blocks all later ones. So a migration waits briefly, backs off to let
 * the others pass, and retries.
 */
const LOCK_TIMEOUT_MS = 2_000;
const LOCK_TRIES = 30;
const LOCK_PAUSE_MS = 1_000;

/** A concurrent index build waits for older transactions, but blocks no one. */
const CONCURRENT_LOCK_TIMEOUT_MS = 10 * 60 * 1000;

const TURN_PAUSE_MS = 200;
const TURN_TRIES = 3_000;

/** An arbitrary key that no other advisory lock in the database uses. */
const ADVISORY_LOCK = '7305180422';

export interface MigrationReport {
  /** The migrations that this run applied; empty if the database was up to date. */
  readonly applied: readonly string[];
}

/**
 * Migrates the database: creates the table if it is missing, or extends an existing one. Can be run again at
 * any time, also concurrently: one run works and the others wait for it. Needs a direct connection or session
 * pooling, because it holds a session lock.
 *
 * @throws OutboxUnavailableError if the database does not respond or a lock was unavailable for a minute;
 * what was applied until then stays applied
 * @throws OutboxSchemaError if an existing table is not as the worker needs it, before anything is applied
 * @throws {@link SettingsError} if the connection is not one for migrations
 */
export async function migrate(settings: PostgresSettings, log: Log = silentLog): Promise<MigrationReport> {
  let client: Client | undefined;
  try {
    client = await open(settings);
    await assertOwnSession(client, settings);
    const { search_path } = sessionSettings(settings);
    if (search_path !== undefined) {
      await client.query(`SELECT ${setConfigs({ search_path }, { local: false })}`);
    }
    await takeTurn(client);
    const table = readTableName(settings.table);
    const query = queryOf(client, table);
    await assertSchemaExists(query, 'migrate');
    await assertTable(query, 'migrate', { migrated: false });
    const applied = await applyPending(client, table, log);
    await assertTable(query, 'migrate', { migrated: true });
    return { applied };
  } catch (error) {
    throw error instanceof SettingsError ? error : outboxError('migrate', error);
  } finally {
    await client?.end();
  }
}

function open(settings: PostgresSettings): Promise<Client> {
  return openClient(settings, 'outbound-migrations', (config) => {
    // Building an index over a large table can take any time.
    const client = new Client({ ...config, query_timeout: undefined });
    client.on('error', () => {});
    return client;
  });
}

function queryOf(client: Client, table: TableName): TableQuery {
  return async (text, values) => (await client.query(forTable(text, table), [...values])).rows;
}

/** With transaction pooling another client could hold the lock or get the settings of the migration. */
async function assertOwnSession(client: Client, settings: PostgresSettings): Promise<void> {
  const isOwn = await isOwnSession(client, async (channel) => {
    const other = await open(settings);
    try {
      await other.query(NOTIFY, [channel]);
    } finally {
      await other.end();
    }
  });
  if (isOwn) return;
  throw new SettingsError([
    'the database URL leads to a pooler with transaction pooling: the migrations need a direct connection to ' +
      'PostgreSQL, or session pooling; the worker itself may use this one',
  ]);
}

/** Polls instead of waiting in the database: a concurrent index build would wait for the waiting session. */
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

async function applyPending(client: Client, table: TableName, log: Log): Promise<string[]> {
  const create = `
    CREATE TABLE IF NOT EXISTS outbound_migrations (
      name text PRIMARY KEY,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`;
  await client.query(forTable(create, table));
  const { rows } = await client.query<{ name: string }>(
    forTable('SELECT name FROM outbound_migrations', table),
  );
  const done = new Set(rows.map(({ name }) => name));
  const applied: string[] = [];
  for (const migration of allMigrations) {
    if (done.has(migration.name)) continue;
    await applyWithRetries(client, table, migration, log);
    applied.push(migration.name);
    log.info('migration-applied', { migration: migration.name });
  }
  return applied;
}

async function applyWithRetries(
  client: Client,
  table: TableName,
  migration: Migration,
  log: Log,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await apply(client, table, migration);
      return;
    } catch (error) {
      if (!isLocked(error) || attempt === LOCK_TRIES) throw error;
      log.warn('migration-waits', { migration: migration.name, attempt });
      await sleep(LOCK_PAUSE_MS);
    }
  }
}

async function apply(
  client: Client,
  table: TableName,
  { name, inTransaction, statements }: Migration,
): Promise<void> {
  const lockTimeoutMs = inTransaction ? LOCK_TIMEOUT_MS : CONCURRENT_LOCK_TIMEOUT_MS;
  await client.query(`SET lock_timeout = ${lockTimeoutMs}`);
  const insert = forTable('INSERT INTO outbound_migrations (name) VALUES ($1)', table);
  const record = () => client.query(insert, [name]);
  const ours = statements.map((statement) => forTable(statement, table));
  if (!inTransaction) {
    for (const statement of ours) await client.query(statement);
    await record();
    return;
  }
  await client.query('BEGIN');
  try {
    for (const statement of ours) await client.query(statement);
    await record();
    await client.query('COMMIT');
  } catch (error) {
    // If the connection is gone, so is the transaction.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

function isLocked(error: unknown): boolean {
  const state = sqlState(error);
  return state === '55P03' || state === '40P01';
}
