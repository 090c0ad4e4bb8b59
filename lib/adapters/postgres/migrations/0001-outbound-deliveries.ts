import type { Migration } from './migration.ts';

/**
 * The table as the API has it. Where it exists, it is left as it is, its indexes included: they may have any
 * name, and a second set would only cost.
 */
export const outboundDeliveries: Migration = {
  name: '0001-outbound-deliveries',
  inTransaction: true,
  statements: [
    `
DO $$
BEGIN
  IF to_regclass('outbound_deliveries') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE outbound_deliveries (
    id text PRIMARY KEY,
    tenant_id text,
    conversation_id text,
    message_id text,
    channel text,
    target_address text,
    provider text,
    status text DEFAULT 'queued' CHECK (status IN ('queued', 'sending', 'delivered', 'failed')),
    attempt_count int DEFAULT 0,
    last_error text,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    delivery_trace jsonb,
    delivered_at timestamptz,
    next_retry_at timestamptz
  );
  CREATE INDEX outbound_deliveries_status_idx ON outbound_deliveries (status);
  CREATE INDEX outbound_deliveries_tenant_idx ON outbound_deliveries (tenant_id);
  CREATE INDEX outbound_deliveries_message_idx ON outbound_deliveries (message_id);
  CREATE INDEX outbound_deliveries_created_idx ON outbound_deliveries (created_at);
  CREATE INDEX outbound_deliveries_retry_idx ON outbound_deliveries (next_retry_at) WHERE status = 'queued';
END
$$`,
  ],
};
