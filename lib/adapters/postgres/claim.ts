import { readFileSync } from 'node:fs';
import { MAX_CONTENT_BYTES } from '../../domain/limits.ts';
import { readStoredMail, type StoredMail } from '../../domain/stored-mail.ts';
import type { Claim, LeaseRoute } from '../../ports/outbox.ts';

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

/** Claims in one statement; how it walks, what it costs and why stand in the file. */
export const CLAIM = readFileSync(new URL('./sql/claim.sql', import.meta.url), 'utf8');

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
