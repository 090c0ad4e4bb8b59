import { DAY_MS } from '../../common/time.ts';
import type { Completion, NextState } from '../../ports/outbox.ts';
import type { ConnectionPool } from './connection.ts';
import { concernsAll } from './errors.ts';
import { storableJson } from './storable-json.ts';

/** A later retry is useless: every mail has expired by then. */
const MAX_RETRY_MS = 365 * DAY_MS;

/** A completion as `jsonb_to_recordset` reads it. */
interface SettleRecord {
  readonly id: string;
  readonly kind: NextState['kind'];
  readonly reason?: string;
  readonly retry_after_ms?: number;
  readonly owed?: readonly string[];
  readonly attempt: Completion['attempt'];
}

interface SettledRow {
  readonly id: string;
  /** Whether the state was written, now or by an earlier attempt whose response was lost. */
  readonly settled: boolean;
}

/** The completions must have different ids. */
function settleParameters(worker: string, completions: readonly Completion[]): unknown[] {
  return [worker, storableJson(completions.map(recordOf))];
}

function recordOf({ id, next, attempt }: Completion): SettleRecord {
  switch (next.kind) {
    case 'delivered':
    case 'handed-over':
      return { id, kind: next.kind, attempt, ...(next.reason === undefined ? {} : { reason: next.reason }) };
    case 'held':
    case 'failed':
      return { id, kind: next.kind, reason: next.reason, attempt };
    case 'queued':
      return {
        id,
        kind: next.kind,
        reason: next.reason,
        retry_after_ms: Math.min(Math.max(next.retryAfterMs, 0), MAX_RETRY_MS),
        owed: next.owed,
        attempt,
      };
  }
}

/** The attempts of a trace of any shape, as a list. */
const ATTEMPTS_OF = (trace: string) => `
  CASE
    WHEN coalesce(jsonb_typeof(${trace}), 'null') <> 'object' OR NOT ${trace} ? 'attempts' THEN '[]'
    WHEN jsonb_typeof(${trace} -> 'attempts') = 'array' THEN ${trace} -> 'attempts'
    ELSE jsonb_build_array(${trace} -> 'attempts')
  END`;

/**
 * Writes many completions in one statement and returns a row for each delivery found.
 *
 * The trace is append-only: a trace that is not an object is kept under `previous`, `attempts` that is not a
 * list becomes its first element. An attempt that is already in the trace was written by an earlier try of
 * the same call whose response was lost: it is not written twice, and its delivery counts as settled.
 *
 * @param locks `SKIP LOCKED` skips rows that another session holds, so that one row does not delay the rest
 */
const settleStatement = (locks: '' | 'SKIP LOCKED') => `
WITH wanted AS (
  SELECT * FROM jsonb_to_recordset($2::jsonb)
    AS wanted (id text, kind text, reason text, retry_after_ms float8, owed text[], attempt jsonb)
),
judged AS (
  SELECT wanted.*, locked.*
  FROM (SELECT * FROM wanted ORDER BY id) AS wanted
  -- One look-up by the primary key for each: for a join the planner expects many rows and reads the whole table.
  CROSS JOIN LATERAL (
    SELECT
      lease_owner IS NOT DISTINCT FROM $1::text AS mine,
      -- Looked at only if the lease is not ours, because then the trace may be long.
      lease_owner IS DISTINCT FROM $1::text
        AND ${ATTEMPTS_OF('delivery_trace')} @> jsonb_build_array(wanted.attempt) AS known,
      lease_owner IS DISTINCT FROM $1::text
        AND ${ATTEMPTS_OF('delivery_trace')} @> jsonb_build_array(wanted.attempt || '{"late": true}') AS known_late
    FROM outbound_deliveries
    WHERE id = wanted.id
    FOR UPDATE ${locks}
  ) AS locked
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
    search_class = coalesce(attempt #>> '{failure,class}', d.search_class),
    next_retry_at = CASE
      WHEN NOT mine THEN d.next_retry_at
      WHEN kind = 'queued' THEN now() + make_interval(secs => coalesce(retry_after_ms, 0) / 1000)
    END,
    owed_recipients = CASE WHEN mine AND kind = 'queued' THEN owed ELSE d.owed_recipients END,
    lease_owner = CASE WHEN NOT mine THEN d.lease_owner END,
    lease_until = CASE WHEN NOT mine THEN d.lease_until END,
    lease_route = CASE WHEN NOT mine THEN d.lease_route END,
    updated_at = CASE WHEN mine THEN now() ELSE d.updated_at END,
    delivery_trace = (
      SELECT
        CASE jsonb_typeof(trace)
          WHEN 'object' THEN trace
          WHEN 'null' THEN '{}'
          ELSE jsonb_build_object('previous', trace)
        END || jsonb_build_object(
          'attempts',
          ${ATTEMPTS_OF('trace')}
            || jsonb_build_array(CASE WHEN mine THEN attempt ELSE attempt || '{"late": true}' END)
        )
      -- With OFFSET the trace is unpacked once, and not for each time that it is named.
      FROM (SELECT coalesce(d.delivery_trace, 'null') #> '{}' AS trace OFFSET 0) AS unpacked
    )
  FROM judged
  WHERE d.id = judged.id AND d.id = ANY (ARRAY(SELECT id FROM judged WHERE NOT known))
)
SELECT id, mine OR known AND NOT known_late AS settled FROM judged`;

const SETTLE_UNLOCKED = settleStatement('SKIP LOCKED');
const SETTLE_WAITING = settleStatement('');

/**
 * Writes completions so that none blocks another: rows that another session has locked come last, and if the
 * database refuses one (a trigger, a constraint), the others are written anyway.
 *
 * @returns the ids whose lease the owner had lost, including deleted rows
 * @throws if one or more could not be written; all may be passed again
 */
export async function completeAll(
  pool: ConnectionPool,
  owner: string,
  completions: readonly Completion[],
): Promise<string[]> {
  const lost: string[] = [];
  for (const wave of wavesOf(completions)) {
    const settled = await settle(pool, owner, wave, SETTLE_UNLOCKED);
    const locked = wave.filter(({ id }) => !settled.has(id));
    const late = locked.length === 0 ? settled : await settle(pool, owner, locked, SETTLE_WAITING);
    lost.push(...wave.map(({ id }) => id).filter((id) => !(settled.get(id) ?? late.get(id) ?? false)));
  }
  return lost;
}

/** A statement updates a row only once: a second completion of the same delivery goes into the next one. */
function wavesOf(completions: readonly Completion[]): Completion[][] {
  const waves: Map<string, Completion>[] = [];
  for (const completion of completions) {
    const wave = waves.find((candidate) => !candidate.has(completion.id));
    if (wave === undefined) waves.push(new Map([[completion.id, completion]]));
    else wave.set(completion.id, completion);
  }
  return waves.map((wave) => [...wave.values()]);
}

/** Whether each found delivery is settled, by id. */
async function settle(
  pool: ConnectionPool,
  owner: string,
  completions: readonly Completion[],
  statement: string,
): Promise<Map<string, boolean>> {
  try {
    const rows = await pool.query<SettledRow>('settle', statement, settleParameters(owner, completions));
    return new Map(rows.map(({ id, settled }) => [id, settled]));
  } catch (error) {
    if (completions.length === 1 || concernsAll(error)) throw error;
    return settleHalves(pool, owner, completions, statement);
  }
}

async function settleHalves(
  pool: ConnectionPool,
  owner: string,
  completions: readonly Completion[],
  statement: string,
): Promise<Map<string, boolean>> {
  const middle = Math.ceil(completions.length / 2);
  const halves = [completions.slice(0, middle), completions.slice(middle)];
  const results = await Promise.allSettled(halves.map((half) => settle(pool, owner, half, statement)));
  return new Map(
    results.flatMap((result) => {
      if (result.status === 'rejected') throw result.reason;
      return [...result.value];
    }),
  );
}
