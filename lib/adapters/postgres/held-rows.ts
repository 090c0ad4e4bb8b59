import { ConnectionPool } from './connection.ts';
import type { PostgresSettings } from './postgres-settings.ts';

/** The mark in the trace of a delivery on hold, with the time at which it was due before. */
const MARK = 'operatorHold';

/** Whether an operator holds a row. A row that the API itself keeps back for ever has no mark, and stays as it is. */
export const ON_HOLD = `coalesce(
    status = 'queued' AND next_retry_at = 'infinity' AND jsonb_typeof(delivery_trace) = 'object' AND delivery_trace ? '${MARK}',
    false
  )`;

/** Rows of one statement: each is locked until its end, and a worker skips locked rows. */
const BATCH = 1_000;

/** Which deliveries are to be held or released. */
export type RowChoice =
  | { readonly by: 'ids'; readonly ids: readonly string[] }
  | { readonly by: 'tenant'; readonly tenantId: string }
  | { readonly by: 'all' };

/**
 * A waiting row is held by a next try that never comes, which every worker respects. A row that a worker has in hand is
 * locked or no longer `queued`, and is left alone: it may be on its way.
 */
const HOLD = `
WITH chosen AS (
  SELECT id FROM outbound_deliveries
  WHERE status = 'queued' AND next_retry_at IS DISTINCT FROM 'infinity' AND {{choice}}
  LIMIT ${BATCH}
  FOR UPDATE SKIP LOCKED
)
UPDATE outbound_deliveries AS d SET
  delivery_trace = CASE coalesce(jsonb_typeof(delivery_trace), 'null')
    WHEN 'object' THEN delivery_trace
    WHEN 'null' THEN '{}'
    ELSE jsonb_build_object('previous', delivery_trace)
  END || jsonb_build_object('${MARK}', jsonb_build_object('at', now(), 'nextRetryAt', next_retry_at)),
  next_retry_at = 'infinity',
  updated_at = now()
FROM chosen WHERE d.id = chosen.id
RETURNING d.id`;

/** As it was before: its next try, and no mark. A trigger wakes the workers. */
const RELEASE = `
WITH chosen AS (
  SELECT id FROM outbound_deliveries
  WHERE ${ON_HOLD} AND {{choice}}
  LIMIT ${BATCH}
  FOR UPDATE SKIP LOCKED
)
UPDATE outbound_deliveries AS d SET
  next_retry_at = (delivery_trace #>> '{${MARK},nextRetryAt}')::timestamptz,
  delivery_trace = delivery_trace - '${MARK}',
  updated_at = now()
FROM chosen WHERE d.id = chosen.id
RETURNING d.id`;

const COUNT = `
SELECT
  count(*) FILTER (WHERE NOT held)::int AS waiting,
  count(*) FILTER (WHERE held)::int AS "onHold"
FROM (
  SELECT ${ON_HOLD} AS held FROM outbound_deliveries WHERE status = 'queued' AND {{choice}} LIMIT 100000
) AS queued`;

/** Counts of waiting rows; at most 100,000 are counted. */
export interface WaitingCounts {
  readonly waiting: number;
  readonly onHold: number;
}

/** Holds and releases waiting deliveries, beside running workers. */
export class PostgresHeldRows {
  readonly #pool: ConnectionPool;

  constructor(settings: PostgresSettings) {
    this.#pool = new ConnectionPool({ maxConnections: 1, ...settings }, 'mailctl queue');
  }

  async count(choice: RowChoice): Promise<WaitingCounts> {
    const [counts] = await this.#run<WaitingCounts>('count what waits', COUNT, choice);
    return counts ?? { waiting: 0, onHold: 0 };
  }

  /** @returns the ids that are on hold now and were not before */
  hold(choice: RowChoice, signal: AbortSignal): Promise<string[]> {
    return this.#inBatches('hold', HOLD, choice, signal);
  }

  /** @returns the ids that are due again */
  release(choice: RowChoice, signal: AbortSignal): Promise<string[]> {
    return this.#inBatches('release', RELEASE, choice, signal);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #inBatches(
    action: string,
    statement: string,
    choice: RowChoice,
    signal: AbortSignal,
  ): Promise<string[]> {
    const changed: string[] = [];
    for (;;) {
      signal.throwIfAborted();
      const rows = await this.#run<{ id: string }>(action, statement, choice);
      changed.push(...rows.map(({ id }) => id));
      if (rows.length < BATCH) return changed;
    }
  }

  #run<Row extends object>(action: string, statement: string, choice: RowChoice): Promise<Row[]> {
    const { condition, values } = conditionOf(choice);
    return this.#pool.query<Row>(action, statement.replace('{{choice}}', condition), values);
  }
}

function conditionOf(choice: RowChoice): { readonly condition: string; readonly values: unknown[] } {
  switch (choice.by) {
    case 'ids':
      return { condition: 'id = ANY ($1::text[])', values: [choice.ids] };
    case 'tenant':
      return { condition: `coalesce(tenant_id::text, '') = $1::text`, values: [choice.tenantId] };
    case 'all':
      return { condition: 'true', values: [] };
  }
}
