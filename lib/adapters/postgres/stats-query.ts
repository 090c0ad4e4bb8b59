import { nextOf, tenantsWhere, URGENCY } from './waiting-walk.ts';

export interface StatsRow {
  readonly queued: number;
  readonly oldestDueSeconds: number;
}

/** Counts at most this many rows: nobody acts differently on more, and counting must not weigh on a long queue. */
const MAX_COUNTED = 50_000;

/** A delivery has waited since it came in or, where it is tried again, since it became due. */
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
  ) AS "oldestDueSeconds"`;
