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
