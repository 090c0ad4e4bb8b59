import { readStoredMail, type StoredMail } from '../../message/stored-mail.ts';
import type { Claim } from '../../ports/outbox.ts';
import { MAX_STORED_MAIL_BYTES } from './claim-query.ts';

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
  readonly takenOver: boolean;
  /** It was taken from a worker whose lease had ended, not from the queue. */
  readonly ended: boolean;
}

/** Never throws: what no mail can be made of comes out as `unreadable`. */
export function claimOf(row: ClaimedRow, defaultTimeToLiveMs: number): Claim {
  const owed = owedOf(row.owed);
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
    takenOver: row.takenOver,
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
export function owedOf(json: string | null): string[] {
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
