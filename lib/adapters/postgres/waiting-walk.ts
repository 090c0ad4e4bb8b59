/*
 * What waits, found by steps into the index `outbound_deliveries_waiting_idx`: each fragment below looks at one
 * place of it, so that a walk costs what it returns and how many tenants wait, never how much waits.
 */

/** The columns of the index of what waits, by the expressions that it was built with. */
export const TENANT = `coalesce(tenant_id, '')`;
const IS_RETRY = 'CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END';
const WAITS_SINCE = `coalesce(next_retry_at, created_at, '-infinity')`;

/** The priorities from the most urgent down, the last row null. It needs `WITH RECURSIVE`. */
export const URGENCY = `
urgency (priority) AS (
  (SELECT priority FROM outbound_deliveries WHERE status = 'queued' ORDER BY priority DESC LIMIT 1)
  UNION ALL
  SELECT (
    SELECT priority FROM outbound_deliveries
    WHERE status = 'queued' AND priority < urgency.priority
    ORDER BY priority DESC LIMIT 1
  )
  FROM urgency WHERE urgency.priority IS NOT NULL
)`;

/** The tenants of `urgency.priority` in their order, each found by one step. */
export const tenantsWhere = (condition: string) => `
  WITH RECURSIVE tenant (name) AS (
    (
      SELECT ${TENANT} FROM outbound_deliveries
      WHERE status = 'queued' AND priority = urgency.priority AND ${condition}
      ORDER BY ${TENANT} LIMIT 1
    )
    UNION ALL
    SELECT (
      SELECT ${TENANT} FROM outbound_deliveries
      WHERE status = 'queued' AND priority = urgency.priority AND ${TENANT} > tenant.name AND ${condition}
      ORDER BY ${TENANT} LIMIT 1
    )
    FROM tenant WHERE tenant.name IS NOT NULL
  )
  SELECT name FROM tenant WHERE name IS NOT NULL`;

/** A tenant's oldest due delivery of `urgency.priority` after a position, over the providers, the new ones and the retries. */
export const nextOf = (providers: string, tenant: string, since: string, id: string) => `
  SELECT candidate.since, candidate.id
  FROM unnest(${providers}) AS owned (provider)
  CROSS JOIN LATERAL (
    (
      SELECT ${WAITS_SINCE} AS since, id FROM outbound_deliveries
      WHERE status = 'queued' AND priority = urgency.priority AND ${TENANT} = ${tenant}
        AND provider = owned.provider AND ${IS_RETRY} = 0
        AND (${WAITS_SINCE}, id) > (${since}, ${id})
      ORDER BY ${WAITS_SINCE}, id LIMIT 1
    )
    UNION ALL
    (
      SELECT ${WAITS_SINCE} AS since, id FROM outbound_deliveries
      WHERE status = 'queued' AND priority = urgency.priority AND ${TENANT} = ${tenant}
        AND provider = owned.provider AND ${IS_RETRY} = 1
        AND (${WAITS_SINCE}, id) > (${since}, ${id})
        AND ${WAITS_SINCE} <= now()
      ORDER BY ${WAITS_SINCE}, id LIMIT 1
    )
  ) AS candidate
  ORDER BY candidate.since, candidate.id LIMIT 1`;
