import type { Pool } from 'pg';
import type { Mail } from '../../mailer/mailer.ts';
import { readStoredMail, type StoredMailFields } from '../../message/stored-mail.ts';
import { mailOfClaim } from '../../worker/mail-of-claim.ts';

/** A row as the API writes it. */
export interface OutboundRow {
  readonly id: string;
  readonly tenantId: string;
  /** @default 0 */
  readonly priority?: number;
  readonly targetAddress?: string;
  readonly deliveryTrace?: Readonly<Record<string, string>>;
  readonly mail?: StoredMailFields;
}

/** What has become of a row. */
export interface RowState {
  readonly id: string;
  readonly status: string;
  readonly provider: string;
  readonly lastError: string | null;
  /** The worker's own account of its tries, the newest last. */
  readonly attempts: readonly RowAttempt[];
}

interface RowAttempt {
  readonly outcome: string;
  readonly durationMs: number;
  readonly failure?: { readonly class: string };
}

export async function insertRows(pool: Pool, rows: readonly OutboundRow[], createdAt: Date): Promise<void> {
  for (const { id, tenantId, priority = 0, targetAddress, deliveryTrace, mail } of rows) {
    await pool.query(
      `INSERT INTO outbound_deliveries
         (id, tenant_id, priority, channel, target_address, provider, status, attempt_count, created_at, updated_at,
          delivery_trace, mail)
       VALUES ($1, $2, $3, 'email', $4, 'smtp', 'queued', 0, $5, $5, $6, $7)`,
      [
        id,
        tenantId,
        priority,
        targetAddress,
        createdAt,
        JSON.stringify(deliveryTrace ?? {}),
        JSON.stringify(mail),
      ],
    );
  }
}

/** Those of the rows that no worker has in hand any more. */
export async function settledRows(pool: Pool, ids: readonly string[]): Promise<RowState[]> {
  const { rows } = await pool.query<RowState>(
    `SELECT id, status, provider, last_error AS "lastError", coalesce(delivery_trace->'attempts', '[]') AS attempts
     FROM outbound_deliveries
     WHERE id = ANY($1) AND status <> 'queued' AND lease_owner IS NULL`,
    [ids],
  );
  return rows;
}

/** The mail of the row, composed as the worker composes it: the bytes that must come out at the other end. */
export function expectedMail(row: OutboundRow, createdAt: Date): Mail {
  const { id, tenantId, mail, deliveryTrace, targetAddress = null } = row;
  const stored = readStoredMail({ mail, deliveryTrace, targetAddress });
  if (stored.kind !== 'mail')
    throw new Error(`the story has a row that cannot be read: ${id}: ${stored.detail}`);
  const expiresAt = new Date(createdAt.getTime() + 60 * 60 * 1000);
  const claim = {
    id,
    tenantId,
    mail: stored,
    createdAt,
    expiresAt,
    waitedMs: 0,
    attempts: 1,
    takenOver: false,
  };
  return mailOfClaim(claim, stored.fields);
}
