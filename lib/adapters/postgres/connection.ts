import { Socket } from 'node:net';
import { type ClientBase, type ClientConfig, Pool, type PoolConfig } from 'pg';
import { OutboxUnavailableError, outboxError } from './errors.ts';

const DEFAULT_MAX_CONNECTIONS = 4;
const IDLE_TIMEOUT_MS = 30_000;

/**
 * Pooled connections to a database that may go down, move or become read-only. When one connection shows
 * that, all are dropped: the next query reconnects and resolves the host name again.
 */
export class ConnectionPool {
  readonly #config: PoolConfig;
  #generation: PoolGeneration;
  readonly #retired = new Set<Promise<void>>();
  #closed = false;

  constructor(settings: PostgresSettings, applicationName: string) {
    this.#config = {
      ...clientConfig(settings, applicationName),
      max: settings.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
    };
    this.#generation = new PoolGeneration(this.#config);
  }

  /**
   * @param action what is being done, for the error message
   * @throws OutboxUnavailableError, OutboxSchemaError, or PostgreSQL's own error if it is about the data
   */
  async query<Row extends object>(action: string, text: string, values: unknown[]): Promise<Row[]> {
    if (this.#closed) throw new Error(`the outbox is closed and cannot ${action}`);
    const generation = this.#generation;
    try {
      return await generation.query<Row>(text, values);
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
    this.#generation = new PoolGeneration(this.#config);
    this.#retire(failed);
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
  readonly #pool: Pool;
  readonly #sockets = new SocketSet();

  constructor(config: PoolConfig) {
    this.#pool = new Pool({ ...config, stream: () => this.#sockets.create(), onConnect: prepare });
    // A broken idle connection has already left the pool; without a listener it would crash the process.
    this.#pool.on('error', () => {});
  }

  async query<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    const { rows } = await this.#pool.query<Row>(text, values);
    return rows;
  }

  async end(): Promise<void> {
    await this.#pool.end();
    await this.#sockets.closed();
  }
}

/**
 * The planner expects the claim to walk the whole table, because it does not see that the walk stops early;
 * JIT compilation would take fifty times as long as the query.
 */
async function prepare(client: ClientBase): Promise<void> {
  await client.query('SET jit = off');
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_STATEMENT_TIMEOUT_MS = 10_000;

/** How long the database has to report a statement timeout before the connection counts as dead. */
const ANSWER_GRACE_MS = 1_000;

const KEEP_ALIVE_AFTER_MS = 10_000;

/** PostgreSQL truncates longer names, with a notice each time. */
const MAX_APPLICATION_NAME = 63;

/** The common configuration of all connections to the outbox's database. */
export function clientConfig(settings: PostgresSettings, applicationName: string): ClientConfig {
  const statementTimeoutMs = settings.statementTimeoutMs ?? DEFAULT_STATEMENT_TIMEOUT_MS;
  return {
    ...(settings.connectionString === undefined ? {} : { connectionString: settings.connectionString }),
    application_name: applicationName.slice(0, MAX_APPLICATION_NAME),
    connectionTimeoutMillis: settings.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  };
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

export interface PostgresSettings {
  /**
   * A URL such as `postgresql://user:password@host:5432/database`. A pooler in between must use session
   * pooling; LISTEN does not work with statement or transaction pooling.
   *
   * @default PGHOST, PGUSER, …
   */
  readonly connectionString?: string;
  /** @default 4 */
  readonly maxConnections?: number;
  /** For connecting and logging in. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** The database cancels a statement after this time; the worker gives up a second later. @default 10000 */
  readonly statementTimeoutMs?: number;
}
