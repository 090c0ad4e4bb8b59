/**
 * Makes leases last `$3` milliseconds from now. A row that another session holds at this moment is being settled,
 * or is safe from being claimed for as long: to wait for it would let all the other leases end.
 */
export const RENEW = `
UPDATE outbound_deliveries SET lease_until = now() + make_interval(secs => $3::float8 / 1000)
WHERE id IN (
  SELECT id FROM outbound_deliveries
  WHERE id = ANY ($2::text[]) AND lease_owner = $1::text
  FOR UPDATE SKIP LOCKED
)`;

/**
 * Gives deliveries back as they were before the claim; a status that somebody else has set since stays. What was taken over from a dead worker (`$3`) goes back
 * as a lease that has ended: the next worker has to know that SMTP may have had it.
 */
export const RELEASE = `
WITH mine AS (
  SELECT id, status = 'sending' AND lease_route = 'smtp' AND id = ANY ($3::text[]) AS taken_over
  FROM outbound_deliveries
  WHERE id = ANY ($2::text[]) AND lease_owner = $1::text
  ORDER BY id
  FOR UPDATE
)
UPDATE outbound_deliveries AS d SET
  status = CASE WHEN d.status = 'sending' AND NOT taken_over THEN 'queued' ELSE d.status END,
  attempt_count = greatest(d.attempt_count - 1, 0),
  lease_owner = CASE WHEN taken_over THEN d.lease_owner END,
  lease_until = CASE WHEN taken_over THEN now() - interval '1 millisecond' END,
  lease_route = CASE WHEN taken_over THEN 'smtp' END,
  updated_at = now()
FROM mine
WHERE d.id = mine.id`;
