import { MAX_STORED_MAIL_BYTES } from './claim-query.ts';
import { ConnectionPool } from './connection-pool.ts';
import { type DeliveryRow, type DeliveryRowRead, deliveryRowOf } from './delivery-row.ts';
import type { PostgresSettings } from './postgres-settings.ts';

/** It locks nothing, waits for nobody, and does not fetch the mail. Of a trace that no worker wrote it takes nothing. */
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
  ${milliseconds('expires_at')} AS "expiresAtMs",
  lease_owner AS "leaseOwner",
  ${milliseconds('lease_until')} AS "leaseUntilMs",
  CASE WHEN NOT large THEN (delivery_trace -> 'attempts')::text END AS attempts,
  CASE WHEN NOT large THEN (delivery_trace -> 'recipients')::text END AS fates
FROM found`;

function milliseconds(column: string): string {
  return `extract(epoch FROM ${column})::float8 * 1000`;
}

/** The rows of `outbound_deliveries` for who only looks. */
export class PostgresDeliveryRows {
  readonly #pool: ConnectionPool;

  constructor(settings: PostgresSettings) {
    this.#pool = new ConnectionPool({ maxConnections: 1, ...settings }, 'mailctl');
  }

  /** @throws OutboxUnavailableError, OutboxSchemaError */
  async find(id: string): Promise<DeliveryRow | undefined> {
    const [row] = await this.#pool.query<DeliveryRowRead>('look for a delivery', READ_ROW, [id]);
    return row === undefined ? undefined : deliveryRowOf(row);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}
