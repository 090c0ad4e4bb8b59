import type { ClientConfig } from 'pg';

export interface PostgresSettings {
  /** A URL such as `postgresql://user:password@host:5432/database`. @default what PGHOST, PGUSER, … say */
  readonly connectionString?: string;
  /** @default 4 */
  readonly maxConnections?: number;
  /** For the connection to be made and the database to let it in. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** The database ends a statement after this time; a second later the worker stops waiting for it. @default 10000 */
  readonly statementTimeoutMs?: number;
}

export const DEFAULT_MAX_CONNECTIONS = 4;
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_STATEMENT_TIMEOUT_MS = 10_000;

/** How long a statement of the database's own timeout is given to arrive before the connection is taken for dead. */
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
