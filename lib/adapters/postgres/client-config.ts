import type { ClientConfig } from 'pg';
import type { PostgresSettings } from './postgres-settings.ts';

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
