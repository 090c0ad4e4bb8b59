import { MAX_CONTENT_BYTES } from '../../domain/limits.ts';
import { readStoredMail, type StoredMail } from '../../domain/stored-mail.ts';
import type { Claim, LeaseRoute } from '../../ports/outbox.ts';

/*
 * What waits, found by steps into the index `outbound_deliveries_waiting_idx`: each fragment below looks at one
 * place of it, so that a walk costs what it returns and how many tenants wait, never how much waits.
 */

/** The columns of the index of what waits, by the expressions that it was built with. */
const TENANT = `coalesce(tenant_id, '')`;
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

export interface ClaimQuery {
  readonly worker: string;
  readonly providers: readonly string[];
  readonly limit: number;
  readonly leaseMs: number;
  readonly route: LeaseRoute;
  /** The tenant that was served last; those after it come first. */
  readonly afterTenant: string;
  /**
   * Deliveries that this worker has in hand. It must not claim them again: not where their lease has ended, nor
   * where they were settled and only the answer was lost, for the settlement is then written once more.
   */
  readonly inHand: readonly string[];
}

/**
 * The most bytes of stored mail that one claim fetches: a few huge mails must not fill the worker's memory, or
 * it would die of them, and so would the next. The first delivery is taken whatever its size.
 */
const MAX_CLAIM_BYTES = 32 * 1024 * 1024;

/**
 * A mail that takes more than this where it is stored, compressed or not, is larger than any route takes. It is
 * not even fetched: were it too large to arrive in time, the claim would fail, and with it each claim after it.
 */
export const MAX_STORED_MAIL_BYTES = MAX_CONTENT_BYTES + 1024 * 1024;

export function claimParameters(query: ClaimQuery): unknown[] {
  return [
    query.worker,
    query.providers,
    query.limit,
    query.leaseMs,
    query.route,
    query.afterTenant,
    query.inHand,
    MAX_CLAIM_BYTES,
    MAX_STORED_MAIL_BYTES,
  ];
}

/** What may have to be fetched of a row, as far as it is known without reading it: the mail, or the trace that holds it. */
const SIZE = 'coalesce(greatest(pg_column_size(mail), pg_column_size(delivery_trace)), 0)';

/** A lease that ended, or that a person took away, may have been in the middle of sending. */
const MAY_BE_ON_THE_WIRE = `coalesce(lease_owner IS NOT NULL AND lease_route = 'smtp', false)`;

/**
 * The recipients that SES has by its own word, where no attempt knows of a hand-over: the answer of the queue was
 * lost. Who queues again what was handed over wants it sent again, and to all. Any other shape of trace has none.
 */
const IN_SES = `jsonb_path_query_array(
    delivery_trace,
    '$ ? (!exists(@.attempts[*].queue.recipients[*])).recipients.keyvalue()
      ? (@.value.sesMessageId.type() == "string").key',
    '{}', true
  )::text`;

/**
 * Claims in one statement, by the database's clock.
 *
 * `waiting` is a walk that stops as soon as enough rows are locked, since nothing in it sorts: from the most
 * urgent priority down; within it by turns, one delivery of each tenant a turn; the tenants as a circle that
 * starts after the one served last. Each step is one look into the index `outbound_deliveries_waiting_idx`, so
 * the cost follows what is claimed and how many tenants wait, never how much of it. A row that another worker
 * has locked is stepped over.
 */
export const CLAIM = `
WITH RECURSIVE
ended AS (
  SELECT id, ${SIZE} AS bytes, ${MAY_BE_ON_THE_WIRE} AS taken_over, lease_until AS since
  FROM outbound_deliveries
  WHERE status = 'sending' AND lease_owner IS NOT NULL AND lease_until < now()
    AND provider = ANY ($2::text[]) AND id <> ALL ($7::text[])
  ORDER BY lease_until
  LIMIT $3::int
  FOR UPDATE SKIP LOCKED
),
${URGENCY},
waiting AS (
  SELECT locked.*
  FROM urgency
  CROSS JOIN LATERAL (
    WITH RECURSIVE place (tenant, turn, since, id) AS (
      SELECT tenant.name, 1, first.since, first.id
      FROM (
        SELECT beyond.name FROM (${tenantsWhere(`${TENANT} > $6::text`)}) AS beyond
        UNION ALL
        SELECT upto.name FROM (${tenantsWhere(`${TENANT} <= $6::text`)}) AS upto
      ) AS tenant
      CROSS JOIN LATERAL (${nextOf('$2::text[]', 'tenant.name', `'-infinity'::timestamptz`, `''`)}) AS first
      UNION ALL
      SELECT place.tenant, place.turn + 1, next.since, next.id
      FROM place
      CROSS JOIN LATERAL (${nextOf('$2::text[]', 'place.tenant', 'place.since', 'place.id')}) AS next
    )
    SELECT * FROM place
  ) AS place
  CROSS JOIN LATERAL (
    SELECT id, ${SIZE} AS bytes, ${MAY_BE_ON_THE_WIRE} AS taken_over,
      coalesce(next_retry_at, created_at) AS since
    FROM outbound_deliveries
    WHERE id = place.id AND id <> ALL ($7::text[])
      AND status = 'queued' AND (next_retry_at IS NULL OR next_retry_at <= now())
    FOR UPDATE SKIP LOCKED
  ) AS locked
  WHERE urgency.priority IS NOT NULL
  LIMIT $3::int - (SELECT count(*) FROM ended)
),
numbered AS (
  SELECT picked.*, row_number() OVER () AS number
  FROM (SELECT *, true AS ended FROM ended UNION ALL SELECT *, false FROM waiting) AS picked
),
chosen AS (
  SELECT *, sum(bytes) OVER (ORDER BY number) - bytes AS bytes_before FROM numbered
),
claimed AS (
  UPDATE outbound_deliveries AS d SET
    status = 'sending',
    attempt_count = least(greatest(coalesce(d.attempt_count, 0), 0), 2147483646) + 1,
    lease_owner = $1::text,
    lease_until = now() + make_interval(secs => $4::float8 / 1000),
    -- Until it is settled, everyone who takes it over has to know that SMTP may have had it.
    lease_route = CASE WHEN ${MAY_BE_ON_THE_WIRE} THEN 'smtp' ELSE $5::text END,
    updated_at = now()
  -- An array, and not a join: the planner would expect many rows and read the whole table for them.
  WHERE d.id = ANY (ARRAY(SELECT id FROM chosen WHERE bytes_before < $8::bigint))
  RETURNING d.*
)
SELECT
  claimed.id,
  tenant_id AS "tenantId",
  target_address AS "targetAddress",
  CASE WHEN bytes <= $9::bigint THEN mail::text END AS mail,
  CASE
    WHEN bytes > $9::bigint THEN NULL
    WHEN jsonb_typeof(mail) <> 'null' THEN NULL
    WHEN jsonb_typeof(delivery_trace) = 'object' THEN (delivery_trace - 'attempts')::text
    ELSE delivery_trace::text
  END AS "deliveryTrace",
  bytes > $9::bigint AS "tooLarge",
  to_json(owed_recipients)::text AS owed,
  CASE WHEN bytes <= $9::bigint THEN ${IN_SES} END AS "inSes",
  extract(epoch FROM coalesce(created_at, now()))::float8 * 1000 AS "createdAtMs",
  extract(epoch FROM expires_at)::float8 * 1000 AS "expiresAtMs",
  CASE WHEN isfinite(since) THEN extract(epoch FROM now() - since)::float8 * 1000 ELSE 0 END AS "waitedMs",
  attempt_count AS attempts,
  taken_over AS reclaimed,
  ended
FROM claimed
JOIN chosen ON chosen.id = claimed.id
ORDER BY priority DESC, number`;

/** A row as the claim query returns it. JSON comes as text, so that nothing but this file reads it. */
export interface ClaimedRow {
  readonly id: string;
  readonly tenantId: string | null;
  readonly targetAddress: string | null;
  readonly mail: string | null;
  readonly deliveryTrace: string | null;
  /** The mail is larger than any route takes and was not fetched. */
  readonly tooLarge: boolean;
  readonly owed: string | null;
  readonly inSes: string | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  /** Below 0 where the API's clock is ahead. */
  readonly waitedMs: number;
  readonly attempts: number;
  readonly reclaimed: boolean;
  /** It was taken from a worker whose lease had ended, not from the queue. */
  readonly ended: boolean;
}

/** Never throws: what no mail can be made of comes out as `unreadable`. */
export function toClaim(row: ClaimedRow, defaultTimeToLiveMs: number): Claim {
  const owed = pendingRecipients(row.owed);
  const inSes: readonly string[] = row.inSes === null ? [] : JSON.parse(row.inSes);
  return {
    id: row.id,
    ...(row.tenantId === null || row.tenantId === '' ? {} : { tenantId: row.tenantId }),
    mail: mailOf(row),
    ...(owed.length === 0 ? {} : { owed }),
    ...(inSes.length === 0 ? {} : { inSes }),
    createdAt: moment(row.createdAtMs),
    expiresAt: moment(row.expiresAtMs ?? row.createdAtMs + defaultTimeToLiveMs),
    waitedMs: Math.max(row.waitedMs, 0),
    attempts: row.attempts,
    reclaimed: row.reclaimed,
  };
}

function mailOf({ mail, deliveryTrace, targetAddress, tooLarge }: ClaimedRow): StoredMail {
  if (tooLarge) {
    return { kind: 'unreadable', detail: `too large: at most ${MAX_STORED_MAIL_BYTES} bytes can be sent` };
  }
  try {
    return readStoredMail({ mail: parse(mail), deliveryTrace: parse(deliveryTrace), targetAddress });
  } catch {
    return { kind: 'unreadable', detail: 'the mail is no JSON that can be read' };
  }
}

function parse(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}

/** An array of PostgreSQL may have nulls and any number of dimensions. */
export function pendingRecipients(json: string | null): string[] {
  if (json === null) return [];
  const owed: unknown = JSON.parse(json);
  if (!Array.isArray(owed)) return [];
  return owed.flat(Number.POSITIVE_INFINITY).filter((address) => typeof address === 'string');
}

const LATEST_MS = Date.UTC(9999, 11, 31);

/** PostgreSQL knows `infinity` and years that JavaScript does not, and ISO 8601 wants four digits. */
function moment(ms: number): Date {
  return new Date(Math.min(Math.max(Math.round(ms), 0), LATEST_MS));
}
