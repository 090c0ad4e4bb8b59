import { ConnectionPool } from './connection.ts';
import type { PostgresSettings } from './postgres-settings.ts';
import { type RowPlace, type RowSearch, STATE, type Statement, searchStatement } from './row-search.ts';

/** A row of `outbound_deliveries` in a list, without its mail. */
export interface FoundRow {
  readonly id: string;
  readonly tenantId: string | null;
  readonly targetAddress: string | null;
  readonly provider: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly lastError: string | null;
  /** Of its last failure at SMTP, whatever came after. */
  readonly failureClass: string | null;
  readonly createdAt: Date | null;
  readonly updatedAt: Date | null;
  readonly nextRetryAt: Date | null;
}

/** A larger mail is not unpacked to show its first recipient. */
const MAX_UNPACKED_BYTES = 100_000;

/** Of a mail in parts, without the others. */
const FIRST_TO = `
  CASE WHEN pg_column_size(mail) <= ${MAX_UNPACKED_BYTES} THEN
    CASE jsonb_typeof(mail -> 'to') WHEN 'string' THEN mail ->> 'to' WHEN 'array' THEN mail #>> '{to,0}' END
  END`;

/** Times that JavaScript has, `infinity` being none of them. */
const COLUMNS = `
  id::text AS id,
  tenant_id::text AS "tenantId",
  coalesce(target_address::text, ${FIRST_TO}) AS "targetAddress",
  provider::text AS provider,
  ${STATE} AS state,
  coalesce(attempt_count, 0)::int AS attempts,
  last_error AS "lastError",
  search_class AS "failureClass",
  to_char(created_at::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS place,
  CASE WHEN isfinite(created_at) THEN created_at::timestamptz END AS "createdAt",
  CASE WHEN isfinite(updated_at) THEN updated_at::timestamptz END AS "updatedAt",
  CASE WHEN isfinite(next_retry_at) THEN next_retry_at::timestamptz END AS "nextRetryAt"`;

/** Its own statement, so that the walk is by the index on the time of creation. */
const CHANGED = `
SELECT ${COLUMNS}
FROM outbound_deliveries
WHERE created_at >= $1 AND updated_at > $2 AND status IN ('delivered', 'failed', 'sending') AND lease_owner IS NULL
ORDER BY updated_at
LIMIT 1000`;

/** A page of rows, newest first. */
export interface FoundPage {
  readonly rows: readonly FoundRow[];
  /** Where the next page begins; undefined if this is the last one. */
  readonly next: RowPlace | undefined;
}

type PlacedRow = FoundRow & { readonly place: string };

/** Read-only lists of the rows of `outbound_deliveries`. */
export class PostgresFoundRows {
  readonly #pool: ConnectionPool;

  constructor(settings: PostgresSettings) {
    this.#pool = new ConnectionPool({ maxConnections: 1, ...settings }, 'mailctl');
  }

  /** Rows that were created at the same time are in the order of their ids. A row without a time is never found. */
  async search(search: RowSearch): Promise<FoundPage> {
    // One more shows whether there is another page.
    const more = { ...search, limit: search.limit + 1 };
    const exact = await this.#run(searchStatement(more, COLUMNS));
    const found =
      exact.length === 0 && search.id !== undefined
        ? await this.#run(searchStatement(more, COLUMNS, 'beginning'))
        : exact;
    const shown = found.slice(0, search.limit);
    const last = shown.at(-1);
    const isCut = found.length > search.limit && last !== undefined;
    return {
      rows: shown.map(({ place: _, ...row }) => row),
      next: isCut ? { createdAt: last.place, id: last.id } : undefined,
    };
  }

  /** Rows that came to an outcome after `changedAfter`, the oldest change first. */
  changed(since: Date, changedAfter: Date): Promise<FoundRow[]> {
    return this.#pool.query('look for outcomes', CHANGED, [since, changedAfter]);
  }

  #run({ text, values }: Statement): Promise<PlacedRow[]> {
    return this.#pool.query('look for deliveries', text, values);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}
