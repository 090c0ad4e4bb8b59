import type { NextState, Settlement } from '../../ports/outbox.ts';
import { storableJson } from './storable-json.ts';

/** A settlement that asks for a later time is of no use: every mail has expired by then. */
const LONGEST_RETRY_MS = 365 * 24 * 60 * 60 * 1000;

/** A settlement as `jsonb_to_recordset` reads it. */
interface SettleRecord {
  readonly id: string;
  readonly kind: NextState['kind'];
  readonly reason?: string;
  readonly retry_after_ms?: number;
  readonly owed?: readonly string[];
  readonly attempt: Settlement['attempt'];
}

export interface SettledRow {
  readonly id: string;
  /** Whether the state was written, now or by an earlier try whose answer was lost. */
  readonly settled: boolean;
}

/** The settlements must have different ids. */
export function settleParameters(worker: string, settlements: readonly Settlement[]): unknown[] {
  return [worker, storableJson(settlements.map(recordOf))];
}

function recordOf({ id, next, attempt }: Settlement): SettleRecord {
  switch (next.kind) {
    case 'delivered':
    case 'handed-over':
      return { id, kind: next.kind, attempt };
    case 'held':
    case 'failed':
      return { id, kind: next.kind, reason: next.reason, attempt };
    case 'queued':
      return {
        id,
        kind: next.kind,
        reason: next.reason,
        retry_after_ms: Math.min(Math.max(next.retryAfterMs, 0), LONGEST_RETRY_MS),
        owed: next.owed,
        attempt,
      };
  }
}

/**
 * Writes many settlements in one statement and returns a row for each delivery that it found.
 *
 * The trace only gains: one that is no object is kept under `previous`, attempts that are no list stay as the
 * first of it. An attempt that the trace already holds was written by an earlier try of the same call, whose
 * answer was lost: it is not written twice, and its delivery counts as settled then.
 *
 * @param locks `SKIP LOCKED` leaves out what another session holds, so that one row does not hold up the rest
 */
export const settleStatement = (locks: '' | 'SKIP LOCKED') => `
WITH wanted AS (
  SELECT * FROM jsonb_to_recordset($2::jsonb)
    AS wanted (id text, kind text, reason text, retry_after_ms float8, owed text[], attempt jsonb)
),
found AS (
  SELECT
    wanted.*,
    d.lease_owner IS NOT DISTINCT FROM $1::text AS mine,
    CASE coalesce(jsonb_typeof(d.delivery_trace), 'null')
      WHEN 'object' THEN d.delivery_trace
      WHEN 'null' THEN '{}'
      ELSE jsonb_build_object('previous', d.delivery_trace)
    END AS trace
  FROM wanted
  JOIN outbound_deliveries AS d ON d.id = wanted.id
  ORDER BY d.id
  FOR UPDATE OF d ${locks}
),
attempted AS (
  SELECT
    found.*,
    CASE
      WHEN NOT trace ? 'attempts' THEN '[]'
      WHEN jsonb_typeof(trace -> 'attempts') = 'array' THEN trace -> 'attempts'
      ELSE jsonb_build_array(trace -> 'attempts')
    END AS attempts
  FROM found
),
judged AS (
  SELECT
    attempted.*,
    NOT mine AND attempts @> jsonb_build_array(attempt) AS known,
    attempts @> jsonb_build_array(attempt || '{"late": true}') AS known_late
  FROM attempted
),
written AS (
  UPDATE outbound_deliveries AS d SET
    status = CASE
      WHEN NOT mine THEN d.status
      WHEN kind IN ('handed-over', 'held') THEN 'sending'
      ELSE kind
    END,
    provider = CASE
      WHEN NOT mine THEN d.provider
      WHEN kind IN ('delivered', 'held') THEN 'smtp'
      WHEN kind = 'handed-over' THEN 'ses'
      ELSE d.provider
    END,
    delivered_at = CASE WHEN mine AND kind = 'delivered' THEN now() ELSE d.delivered_at END,
    last_error = CASE WHEN mine THEN reason ELSE d.last_error END,
    next_retry_at = CASE
      WHEN NOT mine THEN d.next_retry_at
      WHEN kind = 'queued' THEN now() + make_interval(secs => coalesce(retry_after_ms, 0) / 1000)
    END,
    owed_recipients = CASE WHEN mine AND kind = 'queued' THEN owed ELSE d.owed_recipients END,
    lease_owner = CASE WHEN NOT mine THEN d.lease_owner END,
    lease_until = CASE WHEN NOT mine THEN d.lease_until END,
    lease_route = CASE WHEN NOT mine THEN d.lease_route END,
    updated_at = CASE WHEN mine THEN now() ELSE d.updated_at END,
    delivery_trace = trace || jsonb_build_object(
      'attempts',
      attempts || jsonb_build_array(CASE WHEN mine THEN attempt ELSE attempt || '{"late": true}' END)
    )
  FROM judged
  WHERE d.id = judged.id AND NOT known
)
SELECT id, mine OR known AND NOT known_late AS settled FROM judged`;
