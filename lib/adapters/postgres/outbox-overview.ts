import * as v from 'valibot';
import { FAILURE_CLASSES, type FailureClass } from '../../domain/failure.ts';
import { ConnectionPool } from './connection.ts';
import { ON_HOLD } from './held-rows.ts';
import type { PostgresSettings } from './postgres-settings.ts';

/** Each count stops there: beyond it the exact number is of no use. */
const MAX_WAITING = 50_000;

/** Of the time that is asked for, the newest rows are counted. */
const MAX_COUNTED = 20_000;

/** Of how many rows the trace is read, which may be large. */
export const MAX_TRACES = 500;

/** What waits: the oldest is the first in an index, by the time from which it waits. */
const WAITING = `
WITH queued AS (
  SELECT id, created_at, ${ON_HOLD} AS held FROM outbound_deliveries WHERE status = 'queued' LIMIT ${MAX_WAITING}
),
oldest AS (
  SELECT id, created_at FROM queued
  WHERE NOT held AND isfinite(created_at) ORDER BY created_at LIMIT 1
)
SELECT
  (SELECT count(*)::int FROM queued WHERE NOT held) AS waiting,
  (SELECT count(*)::int FROM queued WHERE held) AS "onHold",
  (SELECT count(*)::int FROM (
    SELECT FROM outbound_deliveries WHERE status = 'sending' AND lease_owner IS NOT NULL LIMIT ${MAX_WAITING}
  ) AS leased) AS "inHand",
  (SELECT id::text FROM oldest) AS "oldestId",
  (SELECT created_at::timestamptz FROM oldest) AS "oldestSince"`;

/**
 * What became of the newest rows. Their traces are read only where the columns leave open what is asked: why an attempt
 * failed, and whether a failed row was refused by the recipient's server.
 */
const RECENT = `
WITH recent AS MATERIALIZED (
  SELECT id, status, provider, lease_owner, created_at, updated_at, delivered_at, attempt_count
  FROM outbound_deliveries
  WHERE created_at >= $1 AND isfinite(created_at)
  ORDER BY created_at DESC
  LIMIT ${MAX_COUNTED}
),
accepted AS (
  SELECT max(delivered_at) AS last FROM recent WHERE status = 'delivered' AND provider = 'smtp'
),
waiting AS (
  SELECT id, created_at FROM recent
  WHERE provider = 'ses' AND status = 'sending' AND lease_owner IS NULL ORDER BY created_at LIMIT 1
),
failed AS MATERIALIZED (
  SELECT id FROM recent WHERE status = 'failed' LIMIT ${MAX_TRACES}
),
reported AS (
  SELECT id, delivery_trace #> '{recipients}' AS statuses FROM outbound_deliveries
  WHERE id = ANY (ARRAY(SELECT id FROM failed)) AND jsonb_typeof(delivery_trace #> '{recipients}') = 'object'
  UNION ALL
  SELECT delivery_id, jsonb_build_object('one', status) FROM outbound_recipients
  WHERE delivery_id = ANY (ARRAY(SELECT id FROM failed))
),
ended AS (
  SELECT id, bool_or(statuses @? '$.*.kind ? (@ == "failed" || @ == "expired")') AS dead
  FROM reported WHERE statuses <> '{}' GROUP BY id
),
not_accepted AS MATERIALIZED (
  SELECT id, created_at FROM recent, accepted
  WHERE attempt_count > 0 AND lease_owner IS NULL AND (provider = 'ses' OR status = 'queued')
    AND (accepted.last IS NULL OR updated_at > accepted.last)
),
failing AS (
  SELECT
    delivery_trace #> '{attempts,-1,failure}' AS failure,
    delivery_trace #>> '{attempts,-1,at}' AS at
  FROM outbound_deliveries
  WHERE id = ANY (ARRAY(SELECT id FROM not_accepted ORDER BY created_at DESC LIMIT ${MAX_TRACES}))
    AND jsonb_typeof(delivery_trace) = 'object'
)
SELECT
  (SELECT count(*)::int FROM recent) AS counted,
  (SELECT min(created_at)::timestamptz FROM recent) AS since,
  count(*) FILTER (WHERE status = 'delivered' AND provider = 'smtp')::int AS accepted,
  count(*) FILTER (WHERE provider = 'ses')::int AS "handedOver",
  count(*) FILTER (WHERE provider = 'ses' AND status = 'sending' AND lease_owner IS NULL)::int AS awaited,
  count(*) FILTER (WHERE provider = 'ses' AND status = 'delivered')::int AS delivered,
  count(*) FILTER (WHERE status = 'failed')::int AS ended,
  (SELECT count(*)::int FROM ended WHERE dead) AS "deadLettered",
  (SELECT count(*)::int FROM ended WHERE NOT dead) AS refused,
  (SELECT id::text FROM waiting) AS "awaitedId",
  (SELECT created_at::timestamptz FROM waiting) AS "awaitedSince",
  (SELECT last::timestamptz FROM accepted) AS "lastAccepted",
  (SELECT count(*)::int FROM not_accepted) AS "notAccepted",
  (SELECT min(created_at)::timestamptz FROM not_accepted) AS "notAcceptedSince",
  (SELECT coalesce(json_agg(json_build_object('failure', failure, 'at', at)), '[]') FROM failing WHERE failure IS NOT NULL) AS failing
FROM recent`;

/** What the rows say now. */
export interface OutboxOverview {
  readonly waiting: number;
  readonly onHold: number;
  readonly inHand: number;
  readonly oldest: WaitingDelivery | undefined;
  readonly recent: RecentRows;
}

interface WaitingDelivery {
  readonly id: string;
  readonly since: Date;
}

/** What became of the rows of a time. */
export interface RecentRows {
  /** False if only the newest were counted. */
  readonly isComplete: boolean;
  /** The oldest that was counted. */
  readonly since: Date | undefined;
  readonly accepted: number;
  readonly handedOver: number;
  readonly awaited: number;
  /** The oldest of those handed over that have no final status; undefined if none waits for one. */
  readonly oldestAwaited: WaitingDelivery | undefined;
  readonly delivered: number;
  /** Failed, since the recipient's server refused it, or the recipient is suppressed. */
  readonly refused: number;
  /** Failed, since it became a dead letter, for some of its recipients or for all. */
  readonly deadLettered: number;
  /** Failed without a receipt: the worker could send it by no route. */
  readonly unsent: number;
  readonly lastAccepted: Date | undefined;
  /** Mails that SMTP did not accept since then, and when the first of them came. */
  readonly notAccepted: number;
  readonly notAcceptedSince: Date | undefined;
  /** The last attempts of the newest of them, the newest first. */
  readonly failing: readonly FailedAttempt[];
}

interface FailedAttempt {
  readonly at: Date;
  /** False if the circuit was open: SMTP was not tried. */
  readonly wasTried: boolean;
  /** If SMTP was not tried, the class for which. */
  readonly class: FailureClass;
  readonly response: string | undefined;
  readonly code: string | undefined;
  readonly enhancedStatus: string | undefined;
}

interface WaitingRow {
  readonly waiting: number;
  readonly onHold: number;
  readonly inHand: number;
  readonly oldestId: string | null;
  readonly oldestSince: Date | null;
}

interface RecentRow {
  readonly counted: number;
  readonly since: Date | null;
  readonly accepted: number;
  readonly handedOver: number;
  readonly awaited: number;
  readonly delivered: number;
  readonly ended: number;
  readonly refused: number;
  readonly deadLettered: number;
  readonly awaitedId: string | null;
  readonly awaitedSince: Date | null;
  readonly lastAccepted: Date | null;
  readonly notAccepted: number;
  readonly notAcceptedSince: Date | null;
  readonly failing: unknown;
}

/** Read-only counts over the outbox, for a person who looks at it. */
export class PostgresOutboxOverview {
  readonly #pool: ConnectionPool;

  constructor(settings: PostgresSettings) {
    this.#pool = new ConnectionPool({ maxConnections: 2, ...settings }, 'mailctl console');
  }

  /** @param since rows that were created from then on are counted */
  async read(since: Date): Promise<OutboxOverview> {
    const [[now], [recent]] = await Promise.all([
      this.#pool.query<WaitingRow>('count what waits', WAITING, []),
      this.#pool.query<RecentRow>('count what was sent', RECENT, [since]),
    ]);
    if (now === undefined || recent === undefined) throw new Error('the database gave no counts');
    const { waiting, onHold, inHand, oldestId, oldestSince } = now;
    return {
      waiting,
      onHold,
      inHand,
      oldest: waitingDelivery(oldestId, oldestSince),
      recent: {
        isComplete: recent.counted < MAX_COUNTED,
        since: recent.since ?? undefined,
        accepted: recent.accepted,
        handedOver: recent.handedOver,
        awaited: recent.awaited,
        oldestAwaited: waitingDelivery(recent.awaitedId, recent.awaitedSince),
        delivered: recent.delivered,
        refused: recent.refused,
        deadLettered: recent.deadLettered,
        unsent: Math.max(recent.ended - recent.refused - recent.deadLettered, 0),
        lastAccepted: recent.lastAccepted ?? undefined,
        notAccepted: recent.notAccepted,
        notAcceptedSince: recent.notAcceptedSince ?? undefined,
        failing: attemptsIn(recent.failing),
      },
    };
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

function waitingDelivery(id: string | null, since: Date | null): WaitingDelivery | undefined {
  return id === null || since === null ? undefined : { id, since };
}

const known = v.optional(v.picklist(FAILURE_CLASSES));

const attemptSchema = v.object({
  at: v.pipe(v.string(), v.isoTimestamp()),
  failure: v.object({
    class: v.fallback(v.picklist(FAILURE_CLASSES), 'unknown'),
    openedBy: v.fallback(known, undefined),
    response: v.optional(v.string()),
    code: v.optional(v.string()),
    enhancedStatus: v.optional(v.string()),
  }),
});

/** Skips what no worker wrote. */
function attemptsIn(stored: unknown): FailedAttempt[] {
  if (!Array.isArray(stored)) return [];
  const attempts = stored.flatMap((one): FailedAttempt[] => {
    const parsed = v.safeParse(attemptSchema, one);
    if (!parsed.success) return [];
    const { at, failure } = parsed.output;
    const { response, code, enhancedStatus } = failure;
    return [
      {
        at: new Date(at),
        wasTried: failure.class !== 'circuit-open',
        class: failure.openedBy ?? failure.class,
        response,
        code,
        enhancedStatus,
      },
    ];
  });
  return attempts.toSorted((one, other) => other.at.getTime() - one.at.getTime());
}
