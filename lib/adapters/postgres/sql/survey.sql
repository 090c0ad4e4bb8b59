-- Every queue, that is a tenant of a priority, with the oldest of its due deliveries, and when the first lease
-- ended. At least one row; without a queue if nothing waits.
--
-- $1 providers   $2 the tenant after which the walk starts within a priority   $3 limit of queues
--
-- This is the walk that misses nothing: it starts at the beginning of every queue. So it also steps over every
-- entry of what was sent and cannot be removed from the index yet, which is why it is not made with each claim.
WITH RECURSIVE
-- The priorities, most urgent first; the last row is null.
urgency (priority) AS (
  (SELECT priority FROM outbound_deliveries WHERE (status || '') = 'queued' ORDER BY priority DESC LIMIT 1)
  UNION ALL
  SELECT (
    SELECT priority FROM outbound_deliveries
    WHERE (status || '') = 'queued' AND priority < urgency.priority
    ORDER BY priority DESC LIMIT 1
  )
  FROM urgency WHERE urgency.priority IS NOT NULL
),
head AS (
  SELECT urgency.priority, tenant.name AS tenant, oldest.since, oldest.id
  FROM urgency
  CROSS JOIN LATERAL (
    WITH RECURSIVE
    -- The tenants as a ring; each is found by one probe.
    tenant_behind (name) AS (
      (
        SELECT coalesce(tenant_id, '') FROM outbound_deliveries
        WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') > $2::text
        ORDER BY coalesce(tenant_id, '') LIMIT 1
      )
      UNION ALL
      SELECT (
        SELECT coalesce(tenant_id, '') FROM outbound_deliveries
        WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') > tenant_behind.name
        ORDER BY coalesce(tenant_id, '') LIMIT 1
      )
      FROM tenant_behind WHERE tenant_behind.name IS NOT NULL
    ),
    tenant_up_to (name) AS (
      (
        SELECT coalesce(tenant_id, '') FROM outbound_deliveries
        WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') <= $2::text
        ORDER BY coalesce(tenant_id, '') LIMIT 1
      )
      UNION ALL
      SELECT (
        SELECT coalesce(tenant_id, '') FROM outbound_deliveries
        WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') > tenant_up_to.name
          AND coalesce(tenant_id, '') <= $2::text
        ORDER BY coalesce(tenant_id, '') LIMIT 1
      )
      FROM tenant_up_to WHERE tenant_up_to.name IS NOT NULL
    )
    SELECT name FROM tenant_behind WHERE name IS NOT NULL
    UNION ALL
    SELECT name FROM tenant_up_to WHERE name IS NOT NULL
  ) AS tenant
  CROSS JOIN LATERAL (
    SELECT candidate.since, candidate.id
    FROM unnest($1::text[]) AS owned (provider)
    CROSS JOIN LATERAL (
      (
        SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
        WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = tenant.name
          AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 0
        ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
      )
      UNION ALL
      (
        SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
        WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = tenant.name
          AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 1
          AND coalesce(next_retry_at, created_at, '-infinity') <= now()
        ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
      )
    ) AS candidate
    ORDER BY candidate.since, candidate.id LIMIT 1
  ) AS oldest
  WHERE urgency.priority IS NOT NULL
  LIMIT $3::int
),
state AS MATERIALIZED (
  SELECT
    now() AS at,
    -- The session's count, which is not reset with each transaction.
    coalesce(pg_stat_get_xact_tuples_returned(to_regclass('outbound_deliveries_turns_idx')), 0) AS entries_before,
    (
      SELECT lease_until FROM outbound_deliveries
      WHERE status = 'sending' AND lease_owner IS NOT NULL AND lease_until < now()
        AND provider = ANY ($1::text[])
      ORDER BY lease_until LIMIT 1
    ) AS ended_since
)
SELECT
  to_json(state.at - interval '10 seconds') #>> '{}' AS "at",
  (extract(epoch FROM state.at - interval '10 seconds') * 1000000)::float8 AS "atMicros",
  to_json(state.ended_since) #>> '{}' AS "endedSince",
  -- After the whole walk: the count below has every row read before the first is returned.
  (pg_stat_get_xact_tuples_returned(to_regclass('outbound_deliveries_turns_idx')) - state.entries_before)::float8
    AS "entriesRead",
  count(*) OVER () AS rows,
  head.priority,
  head.tenant,
  to_json(head.since) #>> '{}' AS since,
  (extract(epoch FROM head.since) * 1000000)::float8 AS micros,
  head.id
FROM state
LEFT JOIN head ON true
