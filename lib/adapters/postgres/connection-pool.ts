import { type ClientBase, Pool, type PoolConfig } from 'pg';
import { clientConfig } from './client-config.ts';
import { OutboxUnavailableError, outboxError } from './outbox-errors.ts';
import type { PostgresSettings } from './postgres-settings.ts';
import { SocketSet } from './socket-set.ts';

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
