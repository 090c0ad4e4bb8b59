import { OutboxSchemaError } from './errors.ts';

/** Runs a query in the schema where the statements of the worker look for the table. */
export type TableQuery = <Row extends object>(text: string, values: readonly unknown[]) => Promise<Row[]>;

/** What the statements need of a column. */
interface Needed {
  /** What the migrations create. */
  readonly type: string;
  /** Types that serve as well, as PostgreSQL spells them. */
  readonly accepted: RegExp;
  /** The API's own; otherwise a migration adds it. */
  readonly ofTheApi?: true;
}

const TEXT = { type: 'text', accepted: /^(text|citext|character( varying)?(\(\d+\))?)$/ };
/** For what has no bound: in a bounded column one long value would fail its row for ever. */
const LONG_TEXT = { type: 'text', accepted: /^(text|character varying)$/ };
const INTEGER = { type: 'integer', accepted: /^(smallint|integer|bigint)$/ };
/** Without a time zone it is in that of the database's sessions, for the API and the worker alike. */
const TIME = { type: 'timestamp with time zone', accepted: /^timestamp(\(\d\))? with(out)? time zone$/ };
const TEXTS = { type: 'text[]', accepted: /^(text|character varying)\[\]$/ };
const JSONB = { type: 'jsonb', accepted: /^jsonb$/ };

const API = { ofTheApi: true } as const;

/** The columns that the statements of the worker use. */
const COLUMNS: Readonly<Record<string, Needed>> = {
  id: { ...TEXT, ...API },
  tenant_id: { ...TEXT, ...API },
  target_address: { ...TEXT, ...API },
  provider: { ...TEXT, ...API },
  status: { ...TEXT, ...API },
  attempt_count: { ...INTEGER, ...API },
  last_error: { ...LONG_TEXT, ...API },
  created_at: { ...TIME, ...API },
  updated_at: { ...TIME, ...API },
  delivery_trace: { ...JSONB, ...API },
  delivered_at: { ...TIME, ...API },
  next_retry_at: { ...TIME, ...API },
  mail: JSONB,
  priority: { ...INTEGER, type: 'smallint' },
  expires_at: TIME,
  owed_recipients: TEXTS,
  lease_owner: LONG_TEXT,
  lease_until: TIME,
  lease_route: TEXT,
  search_class: LONG_TEXT,
  search_message_ids: TEXTS,
};

const READ_TABLE = `
SELECT
  format('%I.%I', n.nspname, c.relname) AS "table",
  (
    SELECT jsonb_object_agg(
      attname,
      CASE t.typtype WHEN 'd' THEN format_type(typbasetype, typtypmod) ELSE format_type(atttypid, atttypmod) END
    )
    FROM pg_attribute JOIN pg_type AS t ON t.oid = atttypid
    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
  ) AS columns
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass('outbound_deliveries')`;

interface TableRow {
  readonly table: string;
  readonly columns: Readonly<Record<string, string>> | null;
}

/**
 * Checks that the table is as the statements need it. A column of another type fails some statements only:
 * mails would be sent, and their outcome never written.
 *
 * @param migrated also checks the columns that the migrations add, and that there is a table
 * @throws OutboxSchemaError that names each wrong column, what it is, what is needed, and the fix
 */
export async function assertTable(
  query: TableQuery,
  action: string,
  { migrated }: { readonly migrated: boolean },
): Promise<void> {
  const [found] = await query<TableRow>(READ_TABLE, []);
  if (found === undefined) {
    if (!migrated) return;
    const [row] = await query<{ path: string; name: string }>(
      `SELECT current_setting('search_path') AS path, 'outbound_deliveries' AS name`,
      [],
    );
    const cause = new Error(`there is no table ${row?.name} in the search path ${row?.path}`);
    throw new OutboxSchemaError(
      action,
      '42P01',
      cause,
      `${MIGRATE}, or name its schema by ?schema= in the URL`,
    );
  }
  const wrong = wrongColumns(found, migrated);
  const [first] = wrong;
  if (first === undefined) return;
  const cause = new Error(wrong.map(({ problem }) => problem).join('; '));
  throw new OutboxSchemaError(action, first.code, cause, fixOf(wrong));
}

const MIGRATE = 'run the migrations (outbound-worker migrate)';

interface WrongColumn {
  readonly code: '42703' | '42804';
  readonly problem: string;
  /** Undefined if the migrations fix it. */
  readonly statement: string | undefined;
}

function wrongColumns({ table, columns }: TableRow, migrated: boolean): WrongColumn[] {
  const mixed = mixedTimes(columns ?? {});
  return Object.entries(COLUMNS).flatMap(([name, { type, accepted, ofTheApi = false }]): WrongColumn[] => {
    const found = columns?.[name];
    if (found === undefined) {
      if (!ofTheApi && !migrated) return [];
      const statement = ofTheApi ? `ALTER TABLE ${table} ADD COLUMN ${name} ${type}` : undefined;
      return [{ code: '42703', problem: `${table} has no column ${name}, needed is ${type}`, statement }];
    }
    if (accepted.test(found) && !mixed.has(name)) return [];
    return [
      {
        code: '42804',
        problem: `column ${name} of ${table} is ${found}, needed is ${type}`,
        statement: `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE ${type} USING ${name}::${type}`,
      },
    ];
  });
}

/**
 * The times of the claim's index that lack a time zone although another has one: PostgreSQL cannot compare
 * them in an index.
 */
function mixedTimes(columns: Readonly<Record<string, string>>): ReadonlySet<string> {
  const indexed = Object.entries(columns).filter(([name]) => ['created_at', 'next_retry_at'].includes(name));
  const zoneless = indexed.filter(([, type]) => type.includes('without time zone'));
  return new Set(zoneless.length === indexed.length ? [] : zoneless.map(([name]) => name));
}

function fixOf(wrong: readonly WrongColumn[]): string {
  const statements = wrong.flatMap(({ statement }) => (statement === undefined ? [] : [statement]));
  const ofMigrations = statements.length < wrong.length ? [MIGRATE] : [];
  return [...(statements.length === 0 ? [] : [`run ${statements.join('; ')}`]), ...ofMigrations].join(
    ', then ',
  );
}

/** A misspelt schema would get a second, empty table, or none with a message that does not name it. */
export async function assertSchemaExists(query: TableQuery, action: string): Promise<void> {
  const [row] = await query<{ path: string; exists: boolean }>(
    `SELECT current_setting('search_path') AS path, current_schema() IS NOT NULL AS exists`,
    [],
  );
  if (row === undefined || row.exists) return;
  const cause = new Error(`there is no schema of the search path ${row.path} that this role may use`);
  throw new OutboxSchemaError(action, '3F000', cause, 'create it, or correct ?schema= in the URL');
}

/** Checks the table before the first claim, and again whenever asked. */
export class TableCheck {
  readonly #query: TableQuery;
  #passed = false;

  constructor(query: TableQuery) {
    this.#query = query;
  }

  /** @throws OutboxSchemaError, OutboxUnavailableError */
  async run(): Promise<void> {
    try {
      await assertTable(this.#query, 'be used', { migrated: true });
      this.#passed = true;
    } catch (error) {
      this.#passed = false;
      throw error;
    }
  }

  /** Runs the check unless its last run passed. */
  async ensure(): Promise<void> {
    if (!this.#passed) await this.run();
  }
}
