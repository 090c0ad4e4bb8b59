import type { Pool } from 'pg';
import { HOUR_MS } from '../../common/time.ts';
import { readStoredMail, type StoredMailFields } from '../../domain/stored-mail.ts';
import type { Mail } from '../../mailer/mailer.ts';
import { DEFAULT_TUNING } from '../../worker/create-worker.ts';
import { toMail } from '../../worker/process-claim.ts';

export interface OutboundRow {
  readonly id: string;
  /** The expected result. @default the mail arrives, and the row is `delivered` */
  readonly end?: 'bounced' | 'suppressed';
  readonly tenantId: string;
  /** @default 0 */
  readonly priority?: number;
  readonly targetAddress?: string;
  readonly deliveryTrace?: Readonly<Record<string, string>>;
  readonly mail?: StoredMailFields;
}

/** The current state of a row. */
export interface RowState {
  readonly id: string;
  readonly status: string;
  readonly provider: string;
  readonly lastError: string | null;
  /** The worker's record of its tries, newest last. */
  readonly attempts: readonly RowAttempt[];
  /** The status of each recipient from the receipts. */
  readonly recipients: Readonly<Record<string, { readonly kind: string }>>;
}

interface RowAttempt {
  /** ISO 8601. */
  readonly at: string;
  readonly outcome: string;
  readonly durationMs: number;
  readonly smtp?: { readonly response: string };
  readonly failure?: { readonly class: string; readonly response?: string; readonly code?: string };
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

/** The finished rows: SMTP accepted the mail, or receipts reported its status. */
export async function endedRows(pool: Pool, ids: readonly string[]): Promise<RowState[]> {
  return rowsWhere(pool, ids, `status IN ('delivered', 'failed')`);
}

/** The current rows. */
export async function rowsNow(pool: Pool, ids: readonly string[]): Promise<RowState[]> {
  return rowsWhere(pool, ids, 'true');
}

async function rowsWhere(pool: Pool, ids: readonly string[], condition: string): Promise<RowState[]> {
  const { rows } = await pool.query<RowState>(
    `SELECT id, status, provider, last_error AS "lastError", coalesce(delivery_trace->'attempts', '[]') AS attempts,
       coalesce(delivery_trace->'recipients', '{}') AS recipients
     FROM outbound_deliveries
     WHERE id = ANY($1) AND ${condition}`,
    [ids],
  );
  return rows;
}

/** The mail of the row, composed as by the worker, with the bytes that must arrive. */
export function expectedMail(row: OutboundRow, createdAt: Date): Mail {
  const { id, tenantId, mail, deliveryTrace, targetAddress = null } = row;
  const stored = readStoredMail({ mail, deliveryTrace, targetAddress });
  if (stored.kind !== 'mail')
    throw new Error(`the story has a row that cannot be read: ${id}: ${stored.detail}`);
  const expiresAt = new Date(createdAt.getTime() + HOUR_MS);
  const claim = {
    id,
    tenantId,
    mail: stored,
    createdAt,
    expiresAt,
    waitedMs: 0,
    attempts: 1,
    reclaimed: false,
  };
  return toMail(claim, stored.fields, DEFAULT_TUNING.urgentPriority);
}
