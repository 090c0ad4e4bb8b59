-- The next deliveries of given queues, most urgent priority first: a page of each queue, from which turns.ts makes the
-- order of turns.
--
-- $1 providers
-- $2 priorities, most urgent first   $3 for each the most deliveries of one queue   $4 and of all its queues
-- $5 priorities, $6 tenants, $7 since, $8 ids, $9 whether the id itself was passed: the queues in the order of their
--    turns, each with the place from which on it may have waiting deliveries
-- $10 ids that this worker has claimed
--
-- Each page is one probe into outbound_deliveries_turns_idx that starts at a place and not at the beginning of the
-- queue: there stand the entries of what was sent, and while any transaction is old enough to see them, nothing can
-- remove them. Nothing sorts the queues, so that with a page of one delivery the walk stops at the limit.
SELECT
  urgency.priority,
  next.tenant,
  next.turn::int AS turn,
  to_json(next.since) #>> '{}' AS since,
  (extract(epoch FROM next.since) * 1000000)::float8 AS micros,
  next.id
FROM unnest($2::smallint[], $3::int[], $4::int[]) AS urgency (priority, of_queue, of_all)
CROSS JOIN LATERAL (
  SELECT queue.tenant, page.*
  FROM unnest($5::smallint[], $6::text[], $7::timestamptz[], $8::text[], $9::boolean[])
    AS queue (priority, tenant, since, id, passed)
  CROSS JOIN LATERAL (
    SELECT row_number() OVER () AS turn, merged.*
    FROM (
      -- Over providers, new and retries.
      SELECT candidate.since, candidate.id
      FROM unnest($1::text[]) AS owned (provider)
      CROSS JOIN LATERAL (
        (
          SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
          WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = queue.tenant
            AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 0
            AND (coalesce(next_retry_at, created_at, '-infinity'), id) >= (queue.since, queue.id)
            AND NOT (queue.passed AND id = queue.id) AND id NOT IN (SELECT unnest($10::text[]))
          ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT urgency.of_queue
        )
        UNION ALL
        (
          SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
          WHERE (status || '') = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = queue.tenant
            AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 1
            AND (coalesce(next_retry_at, created_at, '-infinity'), id) >= (queue.since, queue.id)
            AND coalesce(next_retry_at, created_at, '-infinity') <= now()
            AND NOT (queue.passed AND id = queue.id) AND id NOT IN (SELECT unnest($10::text[]))
          ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT urgency.of_queue
        )
      ) AS candidate
      ORDER BY candidate.since, candidate.id LIMIT urgency.of_queue
    ) AS merged
  ) AS page
  WHERE queue.priority = urgency.priority
  LIMIT urgency.of_all
) AS next
