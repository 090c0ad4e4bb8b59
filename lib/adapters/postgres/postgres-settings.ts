import type { SslMode } from './tls.ts';

/** How to connect. It names no type of `pg`, so that the types of this package need none of those. */
export interface PostgresSettings {
  /**
   * A URL such as `postgresql://user:password@host:5432/database?schema=api&sslmode=require`. With transaction
   * pooling in between, LISTEN does not work and new mail is found by polling alone.
   *
   * @default PGHOST, PGUSER, …
   */
  readonly connectionString?: string | undefined;
  /**
   * The table, perhaps with its schema, which replaces that of the URL: `mail.outbox`. What belongs to it is named after
   * it: `outbox_recipients`, `outbox_migrations`, indexes and triggers. @default 'outbound_deliveries'
   */
  readonly table?: string | undefined;
  /** As in libpq; `sslmode` of the URL takes precedence. @default PGSSLMODE, or `prefer` */
  readonly sslMode?: SslMode | undefined;
  /** The file, or `system`; `sslrootcert` of the URL takes precedence. @default PGSSLROOTCERT */
  readonly sslRootCertificate?: string | undefined;
  /** @default 4 */
  readonly maxConnections?: number;
  /** For connecting and logging in. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** The database cancels a statement after this time; the worker gives up a second later. @default 10000 */
  readonly statementTimeoutMs?: number;
}
