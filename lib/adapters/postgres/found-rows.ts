import { ConnectionPool } from './connection.ts';
import { ON_HOLD } from './held-rows.ts';
import type { PostgresSettings } from './postgres-settings.ts';

/** The states of a row, as an operator asks for them. */
export const ROW_STATES = ['queued', 'on-hold', 'sending', 'delivered', 'failed'] as const;

export type RowState = (typeof ROW_STATES)[number];

/** A row of `outbound_deliveries` in a list, without its mail. */
export interface FoundRow {
  readonly id: string;
  readonly tenantId: string | null;
  readonly targetAddress: string | null;
  readonly provider: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date | null;
  readonly updatedAt: Date | null;
  readonly nextRetryAt: Date | null;
}

/** Addresses in the mail itself are looked for in this many of the newest rows. */
export const SCANNED_ROWS = 5_000;

/** A larger mail is not unpacked to look for an address. */
const MAX_SCANNED_BYTES = 100_000;

const STATE = `CASE WHEN ${ON_HOLD} THEN 'on-hold' ELSE coalesce(status, '') END`;

/** Of a mail in parts, without the others. */
const FIRST_TO = `
  CASE WHEN pg_column_size(mail) <= ${MAX_SCANNED_BYTES} THEN
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
  CASE WHEN isfinite(created_at) THEN created_at::timestamptz END AS "createdAt",
  CASE WHEN isfinite(updated_at) THEN updated_at::timestamptz END AS "updatedAt",
  CASE WHEN isfinite(next_retry_at) THEN next_retry_at::timestamptz END AS "nextRetryAt"`;

const NEWEST = `
SELECT ${COLUMNS}
FROM outbound_deliveries
WHERE created_at >= $1 AND ($2::text IS NULL OR ${STATE} = $2)
ORDER BY created_at DESC
LIMIT $3`;

/**
 * The indexes find a row by its `target_address`, and a recipient of many. The addresses of a structured mail are in
 * no index, which would cost the API with each row: they are looked for in the newest rows alone.
 */
const OF_ADDRESS = `
WITH newest AS MATERIALIZED (
  SELECT id, mail, delivery_trace FROM outbound_deliveries
  WHERE created_at >= $1 ORDER BY created_at DESC LIMIT ${SCANNED_ROWS}
),
found AS (
  SELECT id FROM outbound_deliveries
  WHERE left(lower(target_address), 320) = left($4, 320) AND created_at >= $1
  UNION
  SELECT delivery_id FROM outbound_recipients WHERE left(recipient, 320) = left($4, 320)
  UNION
  SELECT id FROM newest
  WHERE coalesce(pg_column_size(mail), 0) <= ${MAX_SCANNED_BYTES}
    AND concat_ws(' ', mail ->> 'to', mail ->> 'cc', mail ->> 'bcc') ~* $5
  UNION
  SELECT id FROM newest
  WHERE coalesce(pg_column_size(delivery_trace), 0) <= ${MAX_SCANNED_BYTES}
    AND jsonb_typeof(delivery_trace -> 'recipients') = 'object' AND delivery_trace -> 'recipients' ? $4
)
SELECT ${COLUMNS}
FROM outbound_deliveries
WHERE id = ANY (ARRAY(SELECT id FROM found)) AND created_at >= $1 AND ($2::text IS NULL OR ${STATE} = $2)
ORDER BY created_at DESC
LIMIT $3`;

/** Its own statement, so that the walk is by the index on the time of creation. */
const CHANGED = `
SELECT ${COLUMNS}
FROM outbound_deliveries
WHERE created_at >= $1 AND updated_at > $2 AND status IN ('delivered', 'failed', 'sending') AND lease_owner IS NULL
ORDER BY updated_at
LIMIT 1000`;

export interface RowQuery {
  /** Created since then. */
  readonly since: Date;
  readonly state?: RowState | undefined;
  /** A recipient. */
  readonly to?: string | undefined;
  readonly limit: number;
}

/** Read-only lists of the rows of `outbound_deliveries`, newest first. */
export class PostgresFoundRows {
  readonly #pool: ConnectionPool;

  constructor(settings: PostgresSettings) {
    this.#pool = new ConnectionPool({ maxConnections: 1, ...settings }, 'mailctl');
  }

  find({ since, state, to, limit }: RowQuery): Promise<FoundRow[]> {
    const values = [since, state ?? null, limit];
    if (to === undefined) return this.#pool.query('look for deliveries', NEWEST, values);
    const key = to.toLowerCase();
    return this.#pool.query('look for deliveries', OF_ADDRESS, [...values, key, asWholeAddress(key)]);
  }

  /** Rows that came to an outcome after `changedAfter`, the oldest change first. */
  changed(since: Date, changedAfter: Date): Promise<FoundRow[]> {
    return this.#pool.query('look for outcomes', CHANGED, [since, changedAfter]);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

/** A pattern for the address, but not as the end of a longer one. */
function asWholeAddress(address: string): string {
  const escaped = address.replaceAll(/[^\w@\u0080-\uffff]/g, (character) => `\\${character}`);
  return `(^|[^a-z0-9.!#$%&'*+/=?^_{|}~-])${escaped}($|[^a-z0-9.-])`;
}
