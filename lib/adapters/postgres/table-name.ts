import { describeProblem, SettingsError } from '../../common/config.ts';

/** The table that the statements are written for. */
const TABLE = 'outbound_deliveries';

/** What is allowed; for messages. */
export const TABLE_NAME_RULE =
  'the name of a table, perhaps behind its schema and a dot: letters, digits and _, up to 40 characters';

/** Names of indexes, triggers and functions begin with it, and PostgreSQL cuts names after 63 bytes. */
export const TABLE_NAME = /^(?:(?<schema>[A-Za-z_]\w{0,62})\.)?(?<table>[A-Za-z_]\w{0,39})$/;

export interface TableName {
  /** Where the table is looked for and created; undefined for the search path. */
  readonly schema: string | undefined;
  readonly table: string;
}

/**
 * Reads the name of the table, perhaps with its schema: `mail.outbox`. Its case counts, since it is quoted.
 *
 * @throws {@link SettingsError}
 */
export function readTableName(name: string = TABLE): TableName {
  const { schema, table } = TABLE_NAME.exec(name)?.groups ?? {};
  if (table !== undefined) return { schema, table };
  throw new SettingsError([describeProblem('table', name, TABLE_NAME_RULE)]);
}

/** The channel keeps its name: a notification of another table wakes a worker once for nothing. */
const NAMES = /(?<!pg_notify\('|\w)outbound_(deliveries|recipients|migrations)(\w*)/g;

/**
 * A statement for another table than `outbound_deliveries`. All names that begin with that one follow it, also within
 * the text that is given to `to_regclass` and `format`: indexes, triggers, functions, and the tables beside it.
 */
export function forTable(statement: string, { table }: TableName): string {
  if (table === TABLE) return statement;
  return statement.replaceAll(NAMES, (_name, which: string, rest: string) =>
    // Checked when it was read, so it has no quotes.
    which === 'deliveries' ? `"${table}${rest}"` : `"${table}_${which}${rest}"`,
  );
}
