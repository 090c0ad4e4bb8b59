import { Socket } from 'node:net';
import { type ClientBase, type ClientConfig, Pool, type PoolConfig } from 'pg';
import { OutboxUnavailableError, outboxError } from './errors.ts';

const DEFAULT_MAX_CONNECTIONS = 4;
const IDLE_TIMEOUT_MS = 30_000;

/**
 * Kept connections to a database that may go away, move or turn read-only. When one of them shows that, all are
 * given up: the next query connects anew and resolves the host name anew.
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
   * @param action what is being done, for the error's message
   * @throws OutboxUnavailableError, OutboxSchemaError, or PostgreSQL's own error where it is about the data
   */
  async query<Row extends object>(action: string, text: string, values: unknown[]): Promise<Row[]> {
    if (this.#closed) throw new Error(`the outbox is closed and cannot ${action}`);
    const generation = this.#generation;
    try {
      return await generation.query<Row>(text, values);
    } catch (cause) {
      const error = outboxError(action, cause);
      if (error instanceof OutboxUnavailableError && leavesTheServer(error.code)) this.#renew(generation);
      throw error;
    }
  }

  /** Waits for the queries under way. */
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

/** A lock that was not to be had or a statement that took too long says nothing against the other connections. */
function leavesTheServer(code: string): boolean {
  return !/^(40...|55P03|57014)$/.test(code);
}

/** The connections that were made since the last time that all were given up. */
class PoolGeneration {
  readonly #pool: Pool;
  readonly #sockets = new SocketSet();

  constructor(config: PoolConfig) {
    this.#pool = new Pool({ ...config, stream: () => this.#sockets.create(), onConnect: prepare });
    // An idle connection that breaks has left the pool already; without a listener it would end the process.
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
 * The planner takes the claim's walk for one over the whole table, since it does not see that it stops early;
 * compiling it to machine code would take fifty times as long as running it.
 */
async function prepare(client: ClientBase): Promise<void> {
  await client.query('SET jit = off');
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_STATEMENT_TIMEOUT_MS = 10_000;

/** The time that the database has to say that a statement took too long, before the connection is taken for dead. */
const ANSWER_GRACE_MS = 1_000;

const KEEP_ALIVE_AFTER_MS = 10_000;

/** PostgreSQL cuts longer names off, with a notice each time. */
const MAX_APPLICATION_NAME = 63;

/** What every connection to the outbox's database has in common. */
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

/** How long a connection may take to say goodbye before its socket is destroyed. */
const GOODBYE_MS = 500;

/** The sockets of some connections, so that their end can be forced: a server that hangs never closes its own. */
export class SocketSet {
  readonly #sockets = new Set<Socket>();

  create(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  /** Waits until all are closed, and closes those that take long. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, GOODBYE_MS);
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
   * A URL such as `postgresql://user:password@host:5432/database`. Between the worker and the database there may
   * be a pooler that gives each session a connection of its own; by statement or by transaction nobody can listen.
   *
   * @default what PGHOST, PGUSER, … say
   */
  readonly connectionString?: string;
  /** @default 4 */
  readonly maxConnections?: number;
  /** For the connection to be made and the database to let it in. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** The database ends a statement after this time; a second later the worker stops waiting for it. @default 10000 */
  readonly statementTimeoutMs?: number;
}
