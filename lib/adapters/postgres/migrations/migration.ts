export interface Migration {
  /** Sorts by its number; it is never renamed once released. */
  readonly name: string;
  /**
   * Whether its statements take effect together or not at all. Only `CREATE INDEX CONCURRENTLY`, which PostgreSQL
   * refuses inside a transaction, needs `false`; each such statement can be run again after it was broken off.
   */
  readonly inTransaction: boolean;
  readonly statements: readonly string[];
}
