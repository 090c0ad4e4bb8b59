import { nextOf, tenantsWhere, URGENCY } from './waiting-walk.ts';

export interface StatsRow {
  readonly queued: number;
  readonly oldestDueSeconds: number;
  /** Null where it is not asked for. */
  readonly fatesOverdue: number | null;
}

/** Counts at most this many rows: nobody acts differently on more, and counting must not weigh on a long queue. */
const MAX_COUNTED = 50_000;

/** So many of the oldest whose fate is awaited are looked at, for the same reason. */
const MAX_AWAITED = 10_000;

/** SES itself tries for 14 hours, and what waits for its quota goes out when the next day begins. */
const OVERDUE_AFTER = `interval '2 days'`;

/**
 * Those that nothing was heard of since. The index has them by when they came in, which is before they were handed
 * over and does not change with each receipt, as `updated_at` does.
 */
const OVERDUE = `
  SELECT count(*) FILTER (WHERE awaited.heard < now() - ${OVERDUE_AFTER})::int FROM (
    SELECT coalesce(updated_at, created_at, '-infinity') AS heard FROM outbound_deliveries
    WHERE status = 'sending' AND provider = 'ses' AND lease_owner IS NULL
      AND coalesce(created_at, '-infinity') < now() - ${OVERDUE_AFTER}
    ORDER BY coalesce(created_at, '-infinity')
    LIMIT ${MAX_AWAITED}
  ) AS awaited`;

/**
 * A delivery has waited since it came in or, where it is tried again, since it became due. `$1` are the providers; `$2`
 * is whether to count the overdue fates.
 */
export const STATS = `
WITH RECURSIVE ${URGENCY}
SELECT
  (
    SELECT count(*)::int FROM (
      SELECT FROM outbound_deliveries
      WHERE status = 'queued' AND provider = ANY ($1::text[])
      LIMIT ${MAX_COUNTED}
    ) AS counted
  ) AS queued,
  (
    SELECT coalesce(greatest(extract(epoch FROM now() - min(oldest.since)), 0), 0)::float8
    FROM urgency
    CROSS JOIN LATERAL (${tenantsWhere('true')}) AS tenant
    CROSS JOIN LATERAL (${nextOf('$1::text[]', 'tenant.name', `'-infinity'::timestamptz`, `''`)}) AS oldest
    WHERE isfinite(oldest.since)
  ) AS "oldestDueSeconds",
  CASE WHEN $2::boolean THEN (${OVERDUE}
  ) END AS "fatesOverdue"`;
