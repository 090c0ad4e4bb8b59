import { readFileSync } from 'node:fs';
import { MAX_CONTENT_BYTES } from '../../domain/limits.ts';
import { readStoredMail, type StoredMail } from '../../domain/stored-mail.ts';
import type { Claim, ClaimRequest, LoadedClaim } from '../../ports/outbox.ts';

/** A request as the outbox passes it on. */
export interface ClaimQuery extends ClaimRequest {
  readonly worker: string;
  readonly providers: readonly string[];
  /** The waiting deliveries to claim, in this order. */
  readonly candidates: readonly string[];
  /** When the first of the leases ended that may be taken over, if any. */
  readonly endedSince: string | null;
  /**
   * Deliveries that this worker has claimed. It must not claim them again, even if their lease has ended, or
   * if they were completed and only the response was lost, because the completion is then written again.
   */
  readonly inHand: readonly string[];
}

export const DEFAULT_MAX_BYTES = 24 * 1024 * 1024;

/** A larger mail is fetched alone: many of them in one claim would not arrive in time, and no claim would ever succeed. */
const MAX_FETCHED_WITH_OTHERS_BYTES = 4 * 1024 * 1024;

/** A larger mail, stored or unpacked, is larger than any route accepts, and is never fetched. */
export const MAX_STORED_MAIL_BYTES = MAX_CONTENT_BYTES + 1024 * 1024;

export function claimParameters(query: ClaimQuery): unknown[] {
  const { maxBytes = DEFAULT_MAX_BYTES } = query;
  const fetchesNone = maxBytes === 0;
  return [
    query.worker,
    query.providers,
    query.limit,
    query.leaseMs,
    query.route,
    query.candidates,
    query.inHand,
    fetchesNone ? DEFAULT_MAX_BYTES : maxBytes,
    fetchesNone ? 0 : MAX_FETCHED_WITH_OTHERS_BYTES,
    query.endedSince,
    query.large ?? true,
  ];
}

/** The most that a column takes unpacked; neither function reads it. The ratio of pglz is 273 bytes in 3, of lz4 255 in 1. */
const unpackedBytesOf = (column: string) => `
  coalesce(pg_column_size(${column}), 0)::bigint *
  CASE pg_column_compression(${column}) WHEN 'pglz' THEN 92 WHEN 'lz4' THEN 256 ELSE 1 END`;

const EXPRESSIONS = {
  /** Of what may be fetched: the mail, or the trace that holds it. */
  unpackedBytes: `greatest(${unpackedBytesOf('mail')}, ${unpackedBytesOf('delivery_trace')})`,
  /** The mail and the trace, each unpacked once: an expression that names a column unpacks it for each time. */
  unpacked: `(SELECT mail #> '{}' AS content, delivery_trace #> '{}' AS trace OFFSET 0)`,
  /** Of what is unpacked. */
  mail: 'content::text',
  deliveryTrace: `
    CASE
      WHEN jsonb_typeof(content) <> 'null' THEN NULL
      WHEN jsonb_typeof(trace) = 'object' AND trace ?| '{attempts,recipients,messageIds}'
        THEN (trace - '{attempts,recipients,messageIds}'::text[])::text
      ELSE trace::text
    END`,
  /**
   * The recipients that SES has by receipts, if no attempt recorded a hand-over: the queue's response was
   * lost. Requeueing a handed-over delivery means sending it again to all. Any other shape of trace has none.
   */
  inSes: `
    CASE WHEN jsonb_typeof(trace) = 'object' AND trace ? 'recipients' THEN jsonb_path_query_array(
      trace,
      '$ ? (!exists(@.attempts[*].queue.recipients[*])).recipients.keyvalue()
        ? (@.value.sesMessageId.type() == "string").key',
      '{}', true
    )::text END`,
} as const;

/** Claims the candidates that the scout has found, and leases that have ended. */
export const CLAIM = Object.entries(EXPRESSIONS).reduce(
  (sql, [name, expression]) => sql.replaceAll(`{{${name}}}`, expression),
  readFileSync(new URL('./sql/claim.sql', import.meta.url), 'utf8'),
);

/** Fetches one large mail. `$1` id, `$2` the most bytes that are sent to the worker. */
export const READ_MAIL = `
WITH found AS MATERIALIZED (
  SELECT
    ${EXPRESSIONS.mail} AS mail,
    ${EXPRESSIONS.deliveryTrace} AS trace,
    ${EXPRESSIONS.inSes} AS in_ses
  FROM outbound_deliveries CROSS JOIN LATERAL ${EXPRESSIONS.unpacked} AS unpacked
  WHERE id = $1::text AND greatest(pg_column_size(mail), pg_column_size(delivery_trace)) <= $2::int
)
SELECT
  CASE WHEN octet_length(mail) <= $2::int THEN mail END AS mail,
  CASE WHEN octet_length(trace) <= $2::int THEN trace END AS "deliveryTrace",
  greatest(octet_length(mail), octet_length(trace)) > $2::int AS "tooLarge",
  in_ses AS "inSes"
FROM found`;

/** A row of the claim query. JSON is returned as text, so that only this file parses it. */
export interface ClaimedRow extends MailColumns {
  readonly id: string;
  readonly tenantId: string | null;
  readonly targetAddress: string | null;
  readonly priority: number;
  readonly bytes: number;
  /** The mail is not in this row: it is fetched alone. */
  readonly large: boolean;
  readonly owed: string | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  /** Negative if the API's clock is ahead. */
  readonly waitedMs: number;
  readonly attempts: number;
  readonly reclaimed: boolean;
  /** Taken over from a worker whose lease had ended, not from the queue. */
  readonly ended: boolean;
}

interface MailColumns {
  readonly mail: string | null;
  readonly deliveryTrace: string | null;
  readonly inSes: string | null;
}

export interface LargeMailRow extends MailColumns {
  /** The mail is larger than any route accepts, and not in this row. */
  readonly tooLarge: boolean;
}

/**
 * Never throws: an invalid mail becomes `unreadable`.
 *
 * @param readLarge fetches a large mail; undefined if it is larger than any route accepts
 */
export function toClaim(
  row: ClaimedRow,
  defaultTimeToLiveMs: number,
  readLarge: (id: string) => Promise<LargeMailRow | undefined>,
): Claim {
  const { id, targetAddress } = row;
  const owed = pendingRecipients(row.owed);
  return {
    id,
    ...(row.tenantId === null || row.tenantId === '' ? {} : { tenantId: row.tenantId }),
    priority: row.priority,
    bytes: row.large ? Math.min(row.bytes, MAX_STORED_MAIL_BYTES) : lengthOf(row),
    ...(row.large
      ? { mail: { kind: 'large', read: async () => toLoaded(await readLarge(id), targetAddress) } }
      : toLoaded(row, targetAddress)),
    ...(owed.length === 0 ? {} : { owed }),
    createdAt: moment(row.createdAtMs),
    expiresAt: moment(row.expiresAtMs ?? row.createdAtMs + defaultTimeToLiveMs),
    waitedMs: Math.max(row.waitedMs, 0),
    attempts: row.attempts,
    reclaimed: row.reclaimed,
  };
}

function lengthOf({ mail, deliveryTrace }: MailColumns): number {
  return (mail?.length ?? 0) + (deliveryTrace?.length ?? 0);
}

function toLoaded(
  row: (MailColumns & { readonly tooLarge?: boolean }) | undefined,
  targetAddress: string | null,
): Pick<LoadedClaim, 'mail' | 'inSes'> {
  if (row === undefined || row.tooLarge === true) {
    const detail = `the stored mail has more than ${MAX_STORED_MAIL_BYTES} bytes, more than can be sent`;
    return { mail: { kind: 'unreadable', reason: 'too-large', detail } };
  }
  const inSes: readonly string[] = row.inSes === null ? [] : JSON.parse(row.inSes);
  return { mail: storedMailOf(row, targetAddress), ...(inSes.length === 0 ? {} : { inSes }) };
}

function storedMailOf({ mail, deliveryTrace }: MailColumns, targetAddress: string | null): StoredMail {
  try {
    return readStoredMail({ mail: parse(mail), deliveryTrace: parse(deliveryTrace), targetAddress });
  } catch {
    return { kind: 'unreadable', detail: 'the mail is no JSON that can be read' };
  }
}

function parse(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}

/** A PostgreSQL array may have nulls and any number of dimensions. */
export function pendingRecipients(json: string | null): string[] {
  if (json === null) return [];
  const owed: unknown = JSON.parse(json);
  if (!Array.isArray(owed)) return [];
  return owed.flat(Number.POSITIVE_INFINITY).filter((address) => typeof address === 'string');
}

const LATEST_MS = Date.UTC(9999, 11, 31);

/** PostgreSQL has `infinity` and years that JavaScript does not, and ISO 8601 needs four-digit years. */
function moment(ms: number): Date {
  return new Date(Math.min(Math.max(Math.round(ms), 0), LATEST_MS));
}
