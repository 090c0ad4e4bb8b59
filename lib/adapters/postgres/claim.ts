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

/**
 * The most bytes of stored mail that one claim fetches: a few huge mails must not fill the worker's memory
 * and crash it, and then the next worker. The first delivery is claimed whatever its size.
 */
const MAX_CLAIM_BYTES = 32 * 1024 * 1024;

/**
 * A mail with a larger stored size, compressed or not, is larger than any route accepts. It is not fetched:
 * if it were too large to arrive in time, this claim and every later one would fail.
 */
export const MAX_STORED_MAIL_BYTES = MAX_CONTENT_BYTES + 1024 * 1024;

export function claimParameters(query: ClaimQuery): unknown[] {
  return [
    query.worker,
    query.providers,
    query.limit,
    query.leaseMs,
    query.route,
    query.candidates,
    query.inHand,
    MAX_CLAIM_BYTES,
    MAX_STORED_MAIL_BYTES,
    query.endedSince,
  ];
}

/** Claims in one statement. */
export const CLAIM = readFileSync(new URL('./sql/claim.sql', import.meta.url), 'utf8');

/** A row of the claim query. JSON is returned as text, so that only this file parses it. */
export interface ClaimedRow {
  readonly id: string;
  readonly tenantId: string | null;
  readonly targetAddress: string | null;
  readonly mail: string | null;
  readonly deliveryTrace: string | null;
  /** The mail is larger than any route accepts and was not fetched. */
  readonly tooLarge: boolean;
  readonly owed: string | null;
  readonly inSes: string | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  /** Negative if the API's clock is ahead. */
  readonly waitedMs: number;
  readonly attempts: number;
  readonly reclaimed: boolean;
  /** Taken over from a worker whose lease had ended, not from the queue. */
  readonly ended: boolean;
}

/** Never throws: an invalid mail becomes `unreadable`. */
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
