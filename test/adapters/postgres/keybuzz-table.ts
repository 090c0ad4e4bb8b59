/** The table as the API created it, with its own index names, before there were any migrations. */
export const KEYBUZZ_TABLE = `
CREATE TABLE outbound_deliveries (
  id text PRIMARY KEY,
  tenant_id text,
  conversation_id text,
  message_id text,
  channel text,
  target_address text,
  provider text,
  status text CHECK (status IN ('queued', 'sending', 'delivered', 'failed')),
  attempt_count int,
  last_error text,
  created_at timestamptz,
  updated_at timestamptz,
  delivery_trace jsonb,
  delivered_at timestamptz,
  next_retry_at timestamptz
);
CREATE INDEX idx_od_status ON outbound_deliveries (status);
CREATE INDEX idx_od_tenant ON outbound_deliveries (tenant_id);
CREATE INDEX idx_od_message ON outbound_deliveries (message_id);
CREATE INDEX idx_od_created ON outbound_deliveries (created_at);
CREATE INDEX idx_od_retry ON outbound_deliveries (next_retry_at) WHERE status = 'queued';`;
