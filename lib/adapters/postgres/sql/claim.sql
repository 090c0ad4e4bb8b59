-- Claims due deliveries in one statement, by the database's clock: first those whose lease has ended, then the
-- waiting ones that candidates.sql has found, in its order.
--
-- $1 worker   $2 providers   $3 limit   $4 lease in ms   $5 route   $6 ids of the candidates
-- $7 ids that this worker has claimed: it must not claim them again, even if their lease has ended, or if
--    they were completed and only the response was lost, because the completion is then written again
-- $8 the most bytes of mail that one claim fetches   $9 the most of one mail; a larger one is claimed, but not fetched
-- $10 when the first of the leases ended that survey.sql has found; null if none is to be taken over
-- $11 whether such large ones are claimed
--
-- The size of a mail is what it may take unpacked, told from its stored size and compression alone: unpacking 80 mails of
-- 30 MB to learn their size would take longer than any statement may. The factors are the best that a compression can do.
--
-- {{…}} stands for an expression of claim.ts, which the statement that fetches one large mail needs too.
--
-- No index of what waits is walked here, only the primary key: the cost is that of the rows, whatever is dead
-- in the indexes. A row that another worker has locked is skipped.
WITH
ended AS (
  SELECT
    id,
    {{unpackedBytes}} AS bytes,
    -- The worker may have been sending when its lease ended.
    coalesce(lease_route = 'smtp', false) AS reclaimed,
    lease_until AS since
  FROM outbound_deliveries
  WHERE status = 'sending' AND lease_owner IS NOT NULL AND lease_until < now()
    -- The leases that ended before are dead entries of the index; one transaction may keep them there for hours.
    AND lease_until >= $10::timestamptz
    AND provider = ANY ($2::text[]) AND id NOT IN (SELECT unnest($7::text[]))
    AND ($11::boolean OR {{unpackedBytes}} <= $9::bigint)
  ORDER BY lease_until
  LIMIT $3::int
  FOR UPDATE SKIP LOCKED
),
-- The candidates in the order of their turns, without those that another worker has claimed or locked since.
waiting AS (
  SELECT locked.*
  FROM unnest($6::text[]) AS candidate (id)
  CROSS JOIN LATERAL (
    SELECT
      id,
      {{unpackedBytes}} AS bytes,
      -- A lease that an operator revoked may have been in the middle of sending.
      coalesce(lease_owner IS NOT NULL AND lease_route = 'smtp', false) AS reclaimed,
      coalesce(next_retry_at, created_at) AS since
    FROM outbound_deliveries
    WHERE id = candidate.id AND id NOT IN (SELECT unnest($7::text[]))
      -- In this form no index of the status can be taken in place of the primary key; see migrations.ts.
      AND coalesce(status, '') = 'queued' AND (next_retry_at IS NULL OR next_retry_at <= now())
      AND ($11::boolean OR {{unpackedBytes}} <= $9::bigint)
    FOR UPDATE SKIP LOCKED
  ) AS locked
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
  {{mail}} AS mail,
  {{deliveryTrace}} AS "deliveryTrace",
  {{inSes}} AS "inSes",
  to_json(owed_recipients)::text AS owed,
  extract(epoch FROM coalesce(created_at, now()))::float8 * 1000 AS "createdAtMs",
  extract(epoch FROM expires_at)::float8 * 1000 AS "expiresAtMs",
  CASE WHEN isfinite(since) THEN extract(epoch FROM now() - since)::float8 * 1000 ELSE 0 END AS "waitedMs",
  attempt_count AS attempts,
  reclaimed,
  ended
FROM claimed
JOIN chosen ON chosen.id = claimed.id
-- Only to a mail that is fetched: a large one is not unpacked.
LEFT JOIN LATERAL {{unpacked}} AS unpacked ON NOT large
ORDER BY priority DESC, number
