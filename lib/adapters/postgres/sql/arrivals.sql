-- The queues, that is tenants of a priority, to which deliveries came, or of which retries fell due, since the last
-- look; each with the time of its oldest of these. No row if none came.
--
-- $1 providers   $2 since and $3 id of the place where the last look ended   $4 limit of deliveries
--
-- One walk along outbound_deliveries_arrivals_idx. A transaction may write an earlier time than one that ended
-- before it, so the next look begins a little before the end of this one, unless more are there than this one took.
-- What comes with a still earlier time is found by survey.sql.
WITH arrived AS (
  SELECT page.*
  FROM unnest($1::text[]) AS owned (provider)
  CROSS JOIN LATERAL (
    SELECT priority, coalesce(tenant_id, '') AS tenant, coalesce(next_retry_at, created_at) AS since, id
    FROM outbound_deliveries
    WHERE ('' || status) = 'queued' AND provider = owned.provider
      AND (coalesce(next_retry_at, created_at), id) > ($2::timestamptz, $3::text)
      AND coalesce(next_retry_at, created_at) <= now()
    ORDER BY coalesce(next_retry_at, created_at), id
    LIMIT $4::int
  ) AS page
  ORDER BY since, id
  LIMIT $4::int
),
latest AS (
  SELECT since, id, (SELECT count(*) FROM arrived) = $4::int AS more
  FROM arrived ORDER BY since DESC, id DESC LIMIT 1
),
place AS (
  SELECT more, since, id FROM latest WHERE more
  UNION ALL
  SELECT more, since - interval '250 milliseconds', '' FROM latest
  WHERE NOT more AND since - interval '250 milliseconds' > $2::timestamptz
  UNION ALL
  SELECT more, $2::timestamptz, $3::text FROM latest
  WHERE NOT more AND since - interval '250 milliseconds' <= $2::timestamptz
)
SELECT
  to_json(place.since) #>> '{}' AS "nextSince",
  (extract(epoch FROM place.since) * 1000000)::float8 AS "nextMicros",
  place.id AS "nextId",
  queue.priority,
  queue.tenant,
  to_json(queue.since) #>> '{}' AS since,
  (extract(epoch FROM queue.since) * 1000000)::float8 AS micros,
  -- Before every id of that time.
  '' AS id
FROM place
CROSS JOIN (
  SELECT priority, tenant, min(since) AS since FROM arrived GROUP BY priority, tenant ORDER BY priority DESC, since, tenant
) AS queue
