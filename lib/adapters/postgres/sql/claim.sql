-- Claims due deliveries in one statement, by the database's clock: first those whose lease has ended, then
-- waiting ones, the most urgent priority first, and within it round-robin, one delivery per tenant and turn.
--
-- $1 worker   $2 providers   $3 limit   $4 lease in ms   $5 route   $6 the tenant that was served last
-- $7 ids that this worker has claimed: it must not claim them again, even if their lease has ended, or if
--    they were completed and only the response was lost, because the completion is then written again
-- $8 the most bytes of mail that one claim fetches   $9 the most of one mail; a larger one is claimed, but not fetched
-- $10 whether such large ones are claimed   $11 only those more urgent than this priority
-- $12 whether to take over those whose lease has ended
--
-- The size of a mail is what it may take unpacked, told from its stored size and compression alone: unpacking 80 mails of
-- 30 MB to learn their size would take longer than any statement may. The factors are the best that a compression can do.
--
-- {{…}} stands for an expression of claim.ts, which the statement that fetches one large mail needs too.
--
-- The walk through `waiting` stops as soon as enough rows are locked, because nothing in it sorts. Each step
-- is one probe into outbound_deliveries_waiting_idx, so the cost depends on how much is claimed and how many
-- tenants wait, not on the size of the backlog. A row that another worker has locked is skipped.
--
-- Plan (EXPLAIN ANALYZE of 100 claimed out of 100,000 waiting rows of 1,000 tenants, PostgreSQL 18, two cores):
--   ended      Index Scan using outbound_deliveries_status_idx
--   urgency    Recursive Union of Index Only Scans using outbound_deliveries_waiting_idx, LIMIT 1 each
--   waiting    Limit over Nested Loops: Recursive Unions of Index Scans using outbound_deliveries_waiting_idx, LIMIT 1
--              each, and LockRows over Index Scan using outbound_deliveries_pkey
--   claimed    Update over Index Scan using outbound_deliveries_pkey
--   3,572 buffers hit, 4.8 ms
WITH RECURSIVE
ended AS (
  SELECT
    id,
    {{unpackedBytes}} AS bytes,
    -- The worker may have been sending when its lease ended.
    coalesce(lease_route = 'smtp', false) AS reclaimed,
    lease_until AS since
  FROM outbound_deliveries
  WHERE $12::boolean AND status = 'sending' AND lease_owner IS NOT NULL AND lease_until < now()
    AND provider = ANY ($2::text[]) AND id <> ALL ($7::text[])
    AND ($10::boolean OR {{unpackedBytes}} <= $9::bigint)
  ORDER BY lease_until
  LIMIT $3::int
  FOR UPDATE SKIP LOCKED
),
-- The priorities, most urgent first; the last row is null.
urgency (priority) AS (
  (
    SELECT priority FROM outbound_deliveries
    WHERE status = 'queued' AND priority > $11::int
    ORDER BY priority DESC LIMIT 1
  )
  UNION ALL
  SELECT (
    SELECT priority FROM outbound_deliveries
    WHERE status = 'queued' AND priority < urgency.priority AND priority > $11::int
    ORDER BY priority DESC LIMIT 1
  )
  FROM urgency WHERE urgency.priority IS NOT NULL
),
waiting AS (
  SELECT locked.*
  FROM urgency
  CROSS JOIN LATERAL (
    WITH RECURSIVE
    -- The tenants as a ring, starting after the one served last; each is found by one probe.
    tenant_behind (name) AS (
      (
        SELECT coalesce(tenant_id, '') FROM outbound_deliveries
        WHERE status = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') > $6::text
        ORDER BY coalesce(tenant_id, '') LIMIT 1
      )
      UNION ALL
      SELECT (
        SELECT coalesce(tenant_id, '') FROM outbound_deliveries
        WHERE status = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') > tenant_behind.name
        ORDER BY coalesce(tenant_id, '') LIMIT 1
      )
      FROM tenant_behind WHERE tenant_behind.name IS NOT NULL
    ),
    tenant_up_to (name) AS (
      (
        SELECT coalesce(tenant_id, '') FROM outbound_deliveries
        WHERE status = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') <= $6::text
        ORDER BY coalesce(tenant_id, '') LIMIT 1
      )
      UNION ALL
      SELECT (
        SELECT coalesce(tenant_id, '') FROM outbound_deliveries
        WHERE status = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') > tenant_up_to.name
          AND coalesce(tenant_id, '') <= $6::text
        ORDER BY coalesce(tenant_id, '') LIMIT 1
      )
      FROM tenant_up_to WHERE tenant_up_to.name IS NOT NULL
    ),
    -- The deliveries in turns: each tenant's oldest due one over providers, new and retries, then its next.
    place (tenant, turn, since, id) AS (
      SELECT tenant.name, 1, oldest.since, oldest.id
      FROM (
        SELECT name FROM tenant_behind WHERE name IS NOT NULL
        UNION ALL
        SELECT name FROM tenant_up_to WHERE name IS NOT NULL
      ) AS tenant
      CROSS JOIN LATERAL (
        SELECT candidate.since, candidate.id
        FROM unnest($2::text[]) AS owned (provider)
        CROSS JOIN LATERAL (
          (
            SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
            WHERE status = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = tenant.name
              AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 0
              AND (coalesce(next_retry_at, created_at, '-infinity'), id) > ('-infinity'::timestamptz, '')
            ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
          )
          UNION ALL
          (
            SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
            WHERE status = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = tenant.name
              AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 1
              AND (coalesce(next_retry_at, created_at, '-infinity'), id) > ('-infinity'::timestamptz, '')
              AND coalesce(next_retry_at, created_at, '-infinity') <= now()
            ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
          )
        ) AS candidate
        ORDER BY candidate.since, candidate.id LIMIT 1
      ) AS oldest
      UNION ALL
      SELECT place.tenant, place.turn + 1, next.since, next.id
      FROM place
      CROSS JOIN LATERAL (
        SELECT candidate.since, candidate.id
        FROM unnest($2::text[]) AS owned (provider)
        CROSS JOIN LATERAL (
          (
            SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
            WHERE status = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = place.tenant
              AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 0
              AND (coalesce(next_retry_at, created_at, '-infinity'), id) > (place.since, place.id)
            ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
          )
          UNION ALL
          (
            SELECT coalesce(next_retry_at, created_at, '-infinity') AS since, id FROM outbound_deliveries
            WHERE status = 'queued' AND priority = urgency.priority AND coalesce(tenant_id, '') = place.tenant
              AND provider = owned.provider AND CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END = 1
              AND (coalesce(next_retry_at, created_at, '-infinity'), id) > (place.since, place.id)
              AND coalesce(next_retry_at, created_at, '-infinity') <= now()
            ORDER BY coalesce(next_retry_at, created_at, '-infinity'), id LIMIT 1
          )
        ) AS candidate
        ORDER BY candidate.since, candidate.id LIMIT 1
      ) AS next
    )
    SELECT * FROM place
  ) AS place
  CROSS JOIN LATERAL (
    SELECT
      id,
      {{unpackedBytes}} AS bytes,
      -- A lease that an operator revoked may have been in the middle of sending.
      coalesce(lease_owner IS NOT NULL AND lease_route = 'smtp', false) AS reclaimed,
      coalesce(next_retry_at, created_at) AS since
    FROM outbound_deliveries
    WHERE id = place.id AND id <> ALL ($7::text[])
      AND status = 'queued' AND (next_retry_at IS NULL OR next_retry_at <= now())
      AND ($10::boolean OR {{unpackedBytes}} <= $9::bigint)
    FOR UPDATE SKIP LOCKED
  ) AS locked
  WHERE urgency.priority IS NOT NULL
  LIMIT $3::int - (SELECT count(*) FROM ended)
),
numbered AS (
  SELECT picked.*, row_number() OVER () AS number
  FROM (SELECT *, true AS ended FROM ended UNION ALL SELECT *, false FROM waiting) AS picked
),
-- Many mails must not fill the worker's memory; the first one is claimed whatever its size. Large ones are sent one after
-- another, so that more than a few would only wait where no other worker can send them.
chosen AS (
  SELECT
    *,
    sum(fetched) OVER (ORDER BY number) - fetched AS bytes_before,
    count(*) FILTER (WHERE large) OVER (ORDER BY number) AS large_number
  FROM (SELECT *, bytes > $9::bigint AS large, CASE WHEN bytes > $9::bigint THEN 0 ELSE bytes END AS fetched FROM numbered) AS sized
),
claimed AS (
  UPDATE outbound_deliveries AS d SET
    status = 'sending',
    attempt_count = least(greatest(coalesce(d.attempt_count, 0), 0), 2147483646) + 1,
    lease_owner = $1::text,
    lease_until = now() + make_interval(secs => $4::float8 / 1000),
    -- Until it is completed, every worker that claims it again must know that SMTP may have it.
    lease_route = CASE WHEN coalesce(lease_owner IS NOT NULL AND lease_route = 'smtp', false) THEN 'smtp' ELSE $5::text END,
    updated_at = now()
  -- An array instead of a join: for a join the planner expects many rows and reads the whole table.
  WHERE d.id = ANY (ARRAY(SELECT id FROM chosen WHERE (bytes_before < $8::bigint OR number = 1) AND large_number <= 4))
  RETURNING d.*
)
SELECT
  claimed.id,
  tenant_id AS "tenantId",
  target_address AS "targetAddress",
  priority,
  bytes::float8 AS bytes,
  large,
  CASE WHEN NOT large THEN {{mail}} END AS mail,
  CASE WHEN NOT large THEN {{deliveryTrace}} END AS "deliveryTrace",
  CASE WHEN NOT large THEN {{inSes}} END AS "inSes",
  to_json(owed_recipients)::text AS owed,
  extract(epoch FROM coalesce(created_at, now()))::float8 * 1000 AS "createdAtMs",
  extract(epoch FROM expires_at)::float8 * 1000 AS "expiresAtMs",
  CASE WHEN isfinite(since) THEN extract(epoch FROM now() - since)::float8 * 1000 ELSE 0 END AS "waitedMs",
  attempt_count AS attempts,
  reclaimed,
  ended
FROM claimed
JOIN chosen ON chosen.id = claimed.id
ORDER BY priority DESC, number
