import * as v from 'valibot';
import { mergeStatuses, type RecipientStatuses } from '../../domain/delivery-status.ts';
import { readStoredStatuses } from '../../domain/delivery-trace.ts';
import type { TraceAttempt } from '../../ports/outbox.ts';
import { arrayOf, textsIn } from './apply-receipts.ts';
import { MAX_STORED_MAIL_BYTES } from './claim.ts';
import { ConnectionPool } from './connection.ts';
import { ON_HOLD } from './held-rows.ts';
import { READ_RECIPIENTS, type RecipientRow } from './many-recipients.ts';
import type { PostgresSettings } from './postgres-settings.ts';

/** Takes no row locks, waits for none, and does not fetch the mail. Ignores a trace that no worker wrote. */
const READ_ROW = `
WITH found AS (
  SELECT *, coalesce(pg_column_size(delivery_trace), 0) > ${MAX_STORED_MAIL_BYTES} AS large
  FROM outbound_deliveries
  WHERE id = $1
)
SELECT
  id,
  tenant_id AS "tenantId",
  target_address AS "targetAddress",
  provider,
  status,
  attempt_count AS "attemptCount",
  last_error AS "lastError",
  ${milliseconds('created_at')} AS "createdAtMs",
  ${milliseconds('delivered_at')} AS "deliveredAtMs",
  ${milliseconds('next_retry_at')} AS "nextRetryAtMs",
  ${ON_HOLD} AS "onHold",
  ${milliseconds('expires_at')} AS "expiresAtMs",
  lease_owner AS "leaseOwner",
  ${milliseconds('lease_until')} AS "leaseUntilMs",
  CASE WHEN NOT large THEN (delivery_trace -> 'attempts')::text END AS attempts,
  CASE WHEN NOT large THEN (delivery_trace -> 'recipients')::text END AS statuses,
  CASE WHEN NOT large THEN (delivery_trace -> 'messageIds')::text END AS "messageIds"
FROM found`;

/**
 * Whom the newest rows are from. A mail that is stored out of line is read for it, so that both their number and the size
 * of each are limited.
 */
const READ_SENDERS = `
WITH newest AS (
  SELECT mail, delivery_trace
  FROM outbound_deliveries
  WHERE created_at > now() - make_interval(days => $1) AND provider = ANY($2)
  ORDER BY created_at DESC
  LIMIT $3
)
SELECT coalesce(mail ->> 'from', delivery_trace ->> 'fromAddress') AS "from", count(*)::int AS rows
FROM newest
WHERE coalesce(pg_column_size(mail), 0) <= ${MAX_STORED_MAIL_BYTES}
  AND coalesce(pg_column_size(delivery_trace), 0) <= ${MAX_STORED_MAIL_BYTES}
GROUP BY 1`;

function milliseconds(column: string): string {
  return `extract(epoch FROM ${column})::float8 * 1000`;
}

/** Read-only access to the rows of `outbound_deliveries`. */
export class PostgresDeliveryRows {
  readonly #pool: ConnectionPool;

  constructor(settings: PostgresSettings) {
    this.#pool = new ConnectionPool({ maxConnections: 1, ...settings }, 'mailctl');
  }

  /** @throws OutboxUnavailableError, OutboxSchemaError */
  async find(id: string): Promise<DeliveryRow | undefined> {
    const [row] = await this.#pool.query<DeliveryRowRead>('look for a delivery', READ_ROW, [id]);
    if (row === undefined) return undefined;
    const recipients = await this.#pool.query<RecipientRow>('look for recipients', READ_RECIPIENTS, [
      id,
      null,
    ]);
    return deliveryRowOf(row, recipients);
  }

  /**
   * How many rows there are from each sender, as the API wrote it.
   *
   * @throws OutboxUnavailableError, OutboxSchemaError
   */
  async senders({ days, providers, maxRows }: SendersQuery): Promise<readonly SenderRows[]> {
    const found = await this.#pool.query<{ from: string | null; rows: number }>(
      'look at the senders',
      READ_SENDERS,
      [days, providers, maxRows],
    );
    return found.flatMap(({ from, rows }) => (from === null ? [] : [{ from, rows }]));
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

interface SendersQuery {
  readonly days: number;
  readonly providers: readonly string[];
  /** The newest ones. */
  readonly maxRows: number;
}

interface SenderRows {
  readonly from: string;
  readonly rows: number;
}

/** A row of `outbound_deliveries` for an operator, without the mail itself. */
export interface DeliveryRow {
  readonly id: string;
  readonly tenantId: string | undefined;
  readonly targetAddress: string | undefined;
  readonly provider: string | undefined;
  readonly status: string | undefined;
  readonly attemptCount: number;
  readonly lastError: string | undefined;
  readonly createdAt: Date | undefined;
  readonly deliveredAt: Date | undefined;
  readonly nextRetryAt: Date | undefined;
  /** An operator holds it; no worker claims it. */
  readonly onHold?: boolean;
  readonly expiresAt: Date | undefined;
  /** The worker that has claimed it. */
  readonly lease: { readonly owner: string; readonly until: Date | undefined } | undefined;
  /** Only valid ones; other programs may have written there. */
  readonly attempts: readonly TracedAttempt[];
  /** The statuses reported by receipts, by `addressKey`. */
  readonly statuses: RecipientStatuses;
  /** The Message-IDs that SES wrote, as receipts reported them: one for each send batch. */
  readonly messageIds?: readonly string[];
}

/** `late`: the worker had lost its lease by then, and another worker owns the state. */
export type TracedAttempt = TraceAttempt & { readonly late?: true };

/** JSON as text, times in milliseconds since 1970. */
interface DeliveryRowRead {
  readonly id: string;
  readonly tenantId: string | null;
  readonly targetAddress: string | null;
  readonly provider: string | null;
  readonly status: string | null;
  readonly attemptCount: number | null;
  readonly lastError: string | null;
  readonly createdAtMs: number | null;
  readonly deliveredAtMs: number | null;
  readonly nextRetryAtMs: number | null;
  readonly onHold: boolean;
  readonly expiresAtMs: number | null;
  readonly leaseOwner: string | null;
  readonly leaseUntilMs: number | null;
  readonly attempts: string | null;
  readonly statuses: string | null;
  readonly messageIds: string | null;
}

/** Never throws. */
function deliveryRowOf(row: DeliveryRowRead, recipients: readonly RecipientRow[]): DeliveryRow {
  const { leaseOwner } = row;
  return {
    id: row.id,
    tenantId: row.tenantId ?? undefined,
    targetAddress: row.targetAddress ?? undefined,
    provider: row.provider ?? undefined,
    status: row.status ?? undefined,
    attemptCount: row.attemptCount ?? 0,
    lastError: row.lastError ?? undefined,
    createdAt: moment(row.createdAtMs),
    deliveredAt: moment(row.deliveredAtMs),
    nextRetryAt: moment(row.nextRetryAtMs),
    onHold: row.onHold,
    expiresAt: moment(row.expiresAtMs),
    lease: leaseOwner === null ? undefined : { owner: leaseOwner, until: moment(row.leaseUntilMs) },
    attempts: attemptsOf(parse(row.attempts)),
    statuses: mergeStatuses(
      readStoredStatuses(parse(row.statuses)),
      readStoredStatuses(Object.fromEntries(recipients.map((one) => [one.recipient, parse(one.status)]))),
    ),
    messageIds: [
      ...new Set([
        ...textsIn(arrayOf(row.messageIds)),
        ...recipients.flatMap(({ messageIds }) => messageIds),
      ]),
    ],
  };
}

const addresses = v.array(v.string());

const attemptSchema = v.object({
  at: v.pipe(
    v.string(),
    v.check((text) => !Number.isNaN(Date.parse(text)), 'a time'),
  ),
  outcome: v.picklist(['taken', 'handed-over', 'split', 'held', 'not-accepted', 'refused']),
  durationMs: v.number(),
  worker: v.string(),
  messageId: v.exactOptional(v.string()),
  smtp: v.exactOptional(v.object({ recipients: addresses, response: v.string() })),
  failure: v.exactOptional(v.record(v.string(), v.string())),
  queue: v.exactOptional(v.object({ recipients: addresses, queueMessageId: v.string() })),
  reason: v.exactOptional(v.string()),
  late: v.exactOptional(v.literal(true)),
});

function attemptsOf(stored: unknown): TracedAttempt[] {
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((attempt) => {
    const parsed = v.safeParse(attemptSchema, attempt);
    return parsed.success ? [parsed.output] : [];
  });
}

/** PostgreSQL has `infinity`, and years that JavaScript does not. */
function moment(ms: number | null): Date | undefined {
  if (ms === null) return undefined;
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function parse(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}
