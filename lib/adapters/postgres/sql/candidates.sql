-- The deliveries to claim next, in the order of their turns: the most urgent priority first, and within it
-- round-robin, one delivery per tenant and turn.
--
-- $1 providers
-- $2 priorities   $3 tenants   $4 since   $5 ids   $6 whether the id itself was passed: the queues in the order of
--    their turns, most urgent first, each with the place from which on it may have waiting deliveries
-- $7 limit   $8 ids that this worker has claimed
-- $9 the priority of which only some queues are given, if any: none of them has a second turn before the others
--    had their first
--
-- The walk stops at the limit, because nothing in it sorts. Each step is one probe into
-- outbound_deliveries_turns_idx that starts at a place and not at the beginning of the queue: there stand the
-- entries of what was sent, and while any transaction is old enough to see them, nothing can remove them.
WITH urgency (priority) AS (
  SELECT DISTINCT priority FROM unnest($2::smallint[]) AS given (priority) ORDER BY priority DESC
)
SELECT
  urgency.priority,
  place.tenant,
  place.turn,
  to_json(place.since) #>> '{}' AS since,
  (extract(epoch FROM place.since) * 1000000)::float8 AS micros,
  place.id
FROM urgency
CROSS JOIN LATERAL (
  WITH RECURSIVE place (tenant, turn, since, id, passed) AS (
    SELECT queue.tenant, 0, queue.since, queue.id, queue.passed
    FROM unnest($2::smallint[], $3::text[], $4::timestamptz[], $5::text[], $6::boolean[])
      AS queue (priority, tenant, since, id, passed)
    WHERE queue.priority = urgency.priority
    UNION ALL
    -- The next one of the tenant over providers, new and retries.
    SELECT place.tenant, place.turn + 1, next.since, next.id, true
    FROM place
    CROSS JOIN LATERAL (
      SELECT candidate.since, candidate.id
      FROM unnest($1::text[]) AS owned (provider)
      CROSS JOIN LATERAL (
        (
          SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
          WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = place.tenant
            AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 0
            AND (coalesce(next_retry_at, created_at, '-infinity'), id) >= (place.since, place.id)
            AND NOT (place.passed AND id = place.id) AND id <> ALL ($8::text[])
          ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
        )
        UNION ALL
        (
          SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
          WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = place.tenant
            AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 1
            AND (coalesce(next_retry_at, created_at, '-infinity'), id) >= (place.since, place.id)
            AND coalesce(next_retry_at, created_at, '-infinity') <= now()
            AND NOT (place.passed AND id = place.id) AND id <> ALL ($8::text[])
          ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
        )
      ) AS candidate
      ORDER BY candidate.since, candidate.id LIMIT 1
    ) AS next
    WHERE place.turn = 0 OR urgency.priority IS DISTINCT FROM $9::smallint
  )
  SELECT * FROM place
) AS place
WHERE place.turn > 0
LIMIT $7::int
