import { Socket } from 'node:net';
import { Client, type ClientBase, type ClientConfig, escapeIdentifier, Pool, type PoolClient } from 'pg';
import { describeProblem, SettingsError } from '../../common/config.ts';
import { type DatabaseUrl, readDatabaseUrl } from './database-url.ts';
import { OutboxUnavailableError, outboxError, sqlState } from './errors.ts';
import type { PostgresSettings } from './postgres-settings.ts';
import { type SessionSettings, setConfigs, setIfOwn } from './session.ts';
import { forTable, readTableName, type TableName } from './table-name.ts';
import { isRefusedEncryption, isSslMode, SSL_MODES, type SslMode, sslOptions } from './tls.ts';

const DEFAULT_MAX_CONNECTIONS = 4;
const IDLE_TIMEOUT_MS = 30_000;

/**
 * Pooled connections to a database that may go down, move or become read-only. When one connection shows
 * that, all are dropped: the next query reconnects and resolves the host name again.
 */
export class ConnectionPool {
  readonly #settings: PostgresSettings;
  readonly #applicationName: string;
  #generation: PoolGeneration;
  readonly #table: TableName;
  readonly #keepsPlans: boolean;
  readonly #retired = new Set<Promise<void>>();
  #closed = false;

  /**
   * @param options `keepsPlans`: few statements are made again and again, and each is planned once for a connection
   * @throws {@link SettingsError} if the settings cannot work
   */
  constructor(
    settings: PostgresSettings,
    applicationName: string,
    { keepsPlans = false }: { readonly keepsPlans?: boolean } = {},
  ) {
    this.#settings = settings;
    this.#table = readTableName(settings.table);
    this.#applicationName = applicationName;
    this.#keepsPlans = keepsPlans;
    this.#generation = this.#connect();
  }

  /**
   * @param action what is being done, for the error message
   * @throws OutboxUnavailableError, OutboxSchemaError, or PostgreSQL's own error if it is about the data
   */
  async query<Row extends object>(action: string, text: string, values: unknown[]): Promise<Row[]> {
    if (this.#closed) throw new Error(`the outbox is closed and cannot ${action}`);
    const generation = this.#generation;
    try {
      return await generation.query<Row>(forTable(text, this.#table), values);
    } catch (cause) {
      const error = outboxError(action, cause);
      if (error instanceof OutboxUnavailableError && isConnectionError(error.code)) this.#renew(generation);
      throw error;
    }
  }

  /** Waits for queries in progress. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#retire(this.#generation);
    }
    await Promise.all(this.#retired);
  }

  #renew(failed: PoolGeneration): void {
    if (this.#generation !== failed || this.#closed) return;
    this.#generation = this.#connect();
    this.#retire(failed);
  }

  #connect(): PoolGeneration {
    return new PoolGeneration(this.#settings, this.#applicationName, this.#keepsPlans);
  }

  #retire(generation: PoolGeneration): void {
    const ending = generation.end().finally(() => this.#retired.delete(ending));
    this.#retired.add(ending);
  }
}

/** An unavailable lock or a statement timeout says nothing about the other connections. */
function isConnectionError(code: string): boolean {
  return !/^(40...|55P03|57014)$/.test(code);
}

/** The connections made since all were last dropped. */
class PoolGeneration {
  /** One for each encryption that may be tried; the first that the server does not refuse is used. */
  readonly #pools: readonly Pool[];
  #current = 0;
  readonly #inProgress = new Set<Promise<unknown>>();
  readonly #sockets = new SocketSet();
  readonly #session: SessionSettings;
  /** Connections whose session may belong to another client at the next statement. */
  readonly #pooled = new WeakSet<ClientBase>();
  /** The name under which a session keeps the plan of a statement; undefined if none is kept. */
  readonly #planNames: Map<string, string> | undefined;

  constructor(settings: PostgresSettings, applicationName: string, keepsPlans: boolean) {
    this.#session = { ...(keepsPlans ? SESSION_OF_KEPT_PLANS : NO_JIT), ...sessionSettings(settings) };
    this.#planNames = keepsPlans ? new Map() : undefined;
    this.#pools = clientConfigs(settings, applicationName).map((config) => {
      const pool = new Pool({
        ...config,
        max: settings.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
        idleTimeoutMillis: IDLE_TIMEOUT_MS,
        stream: () => this.#sockets.create(),
        onConnect: (client) => this.#prepare(client),
      });
      // A broken idle connection has already left the pool; without a listener it would crash the process.
      pool.on('error', () => {});
      return pool;
    });
  }

  query<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    const querying = this.#query<Row>(text, values).finally(() => this.#inProgress.delete(querying));
    this.#inProgress.add(querying);
    return querying;
  }

  async #query<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    const client = await this.#connect();
    try {
      const rows = this.#pooled.has(client)
        ? await this.#queryInTransaction<Row>(client, text, values)
        : (await client.query<Row>({ text, values, ...this.#planOf(text) })).rows;
      client.release();
      return rows;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** Only in a session of our own: behind a pooler, the next statement may meet another session, which has no such plan. */
  #planOf(text: string): { readonly name?: string } {
    if (this.#planNames === undefined) return {};
    const name = this.#planNames.get(text) ?? `outbound_${this.#planNames.size + 1}`;
    this.#planNames.set(text, name);
    return { name };
  }

  /** Waits for queries in progress, which may still go on to the next encryption. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#inProgress);
    await Promise.all(this.#pools.map((pool) => pool.end()));
    await this.#sockets.closed();
  }

  async #connect(): Promise<PoolClient> {
    const index = this.#current;
    const pool = this.#pools[index];
    if (pool === undefined) throw new Error('there is at least one encryption to try');
    try {
      return await pool.connect();
    } catch (error) {
      if (index + 1 === this.#pools.length || !isRefusedEncryption(error)) throw error;
      this.#current = Math.max(this.#current, index + 1);
      return this.#connect();
    }
  }

  async #prepare(client: ClientBase): Promise<void> {
    // While a connection is in use, the pool does not listen.
    client.on('error', () => {});
    if (!(await setIfOwn(client, this.#session))) this.#pooled.add(client);
  }

  /** What is set for a transaction holds in every mode of a pooler, and does not leak to its other clients. */
  async #queryInTransaction<Row extends object>(
    client: ClientBase,
    text: string,
    values: unknown[],
  ): Promise<Row[]> {
    await client.query(`BEGIN; SELECT ${setConfigs(this.#session, { local: true }).join(', ')}`);
    try {
      const { rows } = await client.query<Row>(text, values);
      await client.query('COMMIT');
      return rows;
    } catch (error) {
      // Only a connection that still responds; the others are closed, and the transaction ends with them.
      if (sqlState(error) !== undefined) await client.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }
}

/**
 * The planner expects the claim to walk the whole table, because it does not see that the walk stops early;
 * JIT compilation would take fifty times as long as the query.
 */
const NO_JIT: SessionSettings = { jit: 'off' };

/**
 * A plan for all values of the parameters. It may be made while the table is empty and reading all of it seems as
 * cheap as an index, and is kept while the table grows: so the indexes are the only way.
 */
export const SESSION_OF_KEPT_PLANS: SessionSettings = {
  ...NO_JIT,
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
};

/** Set after connecting: PgBouncer refuses them as startup parameters. */
export function sessionSettings(settings: PostgresSettings): SessionSettings {
  const schema = readTableName(settings.table).schema ?? databaseUrl(settings).schema;
  return {
    statement_timeout: String(statementTimeoutMs(settings)),
    ...(schema === undefined ? {} : { search_path: escapeIdentifier(schema) }),
  };
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_STATEMENT_TIMEOUT_MS = 10_000;

/** How long the database has to report a statement timeout before the connection counts as dead. */
const ANSWER_GRACE_MS = 1_000;

const KEEP_ALIVE_AFTER_MS = 10_000;

/** PostgreSQL truncates longer names, with a notice each time. */
const MAX_APPLICATION_NAME = 63;

function statementTimeoutMs(settings: PostgresSettings): number {
  return settings.statementTimeoutMs ?? DEFAULT_STATEMENT_TIMEOUT_MS;
}

/** The configurations of a connection to the outbox's database, one for each encryption to try. */
function clientConfigs(settings: PostgresSettings, applicationName: string): readonly ClientConfig[] {
  const url = databaseUrl(settings);
  const tls = {
    mode: url.tls.mode ?? settings.sslMode ?? sslModeOfEnvironment(),
    rootCertificate:
      url.tls.rootCertificate ?? settings.sslRootCertificate ?? fromEnvironment('PGSSLROOTCERT'),
    certificate: url.tls.certificate ?? fromEnvironment('PGSSLCERT'),
    key: url.tls.key ?? fromEnvironment('PGSSLKEY'),
  };
  const config = {
    ...(settings.connectionString === undefined ? {} : { connectionString: url.clientUrl }),
    application_name: applicationName.slice(0, MAX_APPLICATION_NAME),
    connectionTimeoutMillis: url.connectTimeoutMs ?? settings.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    query_timeout: statementTimeoutMs(settings) + ANSWER_GRACE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  };
  return sslOptions(tls, isUnixSocket(config)).map((ssl) => ({ ...config, ssl }));
}

function isUnixSocket(config: ClientConfig): boolean {
  return new Client(config).host.startsWith('/');
}

function databaseUrl({ connectionString }: PostgresSettings): DatabaseUrl {
  const read = readDatabaseUrl(connectionString ?? '');
  if (read.kind === 'wrong') throw new SettingsError([`the database URL: ${read.problem}`]);
  return read.url;
}

function sslModeOfEnvironment(): SslMode {
  const mode = fromEnvironment('PGSSLMODE') ?? 'prefer';
  if (isSslMode(mode)) return mode;
  throw new SettingsError([describeProblem('PGSSLMODE', mode, `one of ${SSL_MODES.join(', ')}`)]);
}

/** As the `pg` client reads its other settings; an empty variable counts as not set. */
function fromEnvironment(name: string): string | undefined {
  // biome-ignore lint/style/noProcessEnv: the client reads PGHOST and all its other variables there
  const value = process.env[name];
  return value === '' ? undefined : value;
}

/**
 * Opens a connection outside of the pool.
 *
 * @param create must add an error listener
 * @throws {@link SettingsError}, or the error of the last encryption that was tried
 */
export async function openClient(
  settings: PostgresSettings,
  applicationName: string,
  create: (config: ClientConfig) => Client,
): Promise<Client> {
  const configs = clientConfigs(settings, applicationName);
  for (const [index, config] of configs.entries()) {
    const client = create(config);
    try {
      await client.connect();
      return client;
    } catch (error) {
      void client.end().catch(() => {});
      if (index + 1 === configs.length || !isRefusedEncryption(error)) throw error;
    }
  }
  throw new Error('there is at least one encryption to try');
}

/** How long a connection may take to close before its socket is destroyed. */
const CLOSE_TIMEOUT_MS = 500;

/** The sockets of connections, so that they can be destroyed: a server that hangs never closes them. */
export class SocketSet {
  readonly #sockets = new Set<Socket>();

  create(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  /** Waits until all are closed, and destroys those that take too long. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, CLOSE_TIMEOUT_MS);
      const check = () => {
        if (this.#sockets.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
      for (const socket of this.#sockets) socket.once('close', check);
      check();
    });
  }
}
