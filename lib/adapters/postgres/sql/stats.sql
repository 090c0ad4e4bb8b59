-- How many deliveries wait, for how long, and how many statuses are overdue. Each count stops at a limit:
-- beyond it the exact number is not useful and would take seconds.
--
-- $1 providers   $2 whether to count overdue statuses, which requires receipts
WITH RECURSIVE urgency (priority) AS (
  (SELECT priority FROM outbound_deliveries WHERE (status || '') = 'queued' ORDER BY priority DESC LIMIT 1)
  UNION ALL
  SELECT (
    SELECT priority FROM outbound_deliveries
    WHERE (status || '') = 'queued' AND priority < urgency.priority
    ORDER BY priority DESC LIMIT 1
  )
  FROM urgency WHERE urgency.priority IS NOT NULL
)
SELECT
  (
    SELECT count(*)::int FROM (
      SELECT FROM outbound_deliveries
      WHERE status = 'queued' AND provider = ANY ($1::text[])
      LIMIT 50000
    ) AS counted
  ) AS queued,
  -- The oldest of each tenant and priority is found by one probe into outbound_deliveries_turns_idx, as in claim.sql.
  (
    SELECT coalesce(greatest(extract(epoch FROM now() - min(oldest.since)), 0), 0)::float8
    FROM urgency
    CROSS JOIN LATERAL (
      WITH RECURSIVE tenant (name) AS (
        (
          SELECT coalesce(tenant_id, '') FROM outbound_deliveries
          WHERE (status || '') = 'queued' AND priority = urgency.priority
          ORDER BY coalesce(tenant_id, '') LIMIT 1
        )
        UNION ALL
        SELECT (
          SELECT coalesce(tenant_id, '') FROM outbound_deliveries
          WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') > tenant.name
          ORDER BY coalesce(tenant_id, '') LIMIT 1
        )
        FROM tenant WHERE tenant.name IS NOT NULL
      )
      SELECT name FROM tenant WHERE name IS NOT NULL
    ) AS tenant
    CROSS JOIN LATERAL (
      SELECT candidate.since, candidate.id
      FROM unnest($1::text[]) AS owned (provider)
      CROSS JOIN LATERAL (
        (
          SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
          WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = tenant.name
            AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 0
            AND (coalesce(next_retry_at, created_at, '-infinity'), id) > ('-infinity'::timestamptz, '')
          ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
        )
        UNION ALL
        (
          SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
          WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = tenant.name
            AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 1
            AND (coalesce(next_retry_at, created_at, '-infinity'), id) > ('-infinity'::timestamptz, '')
            AND coalesce(next_retry_at, created_at, '-infinity') <= now()
          ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
        )
      ) AS candidate
      ORDER BY candidate.since, candidate.id LIMIT 1
    ) AS oldest
    WHERE isfinite(oldest.since)
  ) AS "oldestDueSeconds",
  -- Handed over and not updated for two days: SES retries for 14 hours, and mail that waits for the quota is
  -- sent when the next day begins. The index is by time of creation, which is before the hand-over and,
  -- unlike updated_at, does not change with each receipt.
  CASE WHEN $2::boolean THEN (
    SELECT count(*) FILTER (WHERE awaited.heard < now() - interval '2 days')::int FROM (
      SELECT coalesce(updated_at, created_at, '-infinity') AS heard FROM outbound_deliveries
      WHERE status = 'sending' AND provider = 'ses' AND lease_owner IS NULL
        AND coalesce(created_at, '-infinity') < now() - interval '2 days'
      ORDER BY coalesce(created_at, '-infinity')
      LIMIT 10000
    ) AS awaited
  ) END AS "statusesOverdue"
