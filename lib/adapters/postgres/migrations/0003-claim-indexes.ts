import { dropIfInvalid } from './drop-if-invalid.ts';
import type { Migration } from './migration.ts';

/**
 * The order in which deliveries are claimed: the claim query walks this index and reads nothing else. New
 * deliveries (0) stand apart from those that are tried again (1): they are due whatever `created_at` says,
 * the others from `next_retry_at` on.
 */
const WAITING = `
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_deliveries_waiting_idx ON outbound_deliveries (
  priority DESC,
  (coalesce(tenant_id, '')),
  provider,
  (CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END),
  (coalesce(next_retry_at, created_at, '-infinity')),
  id
) WHERE status = 'queued'`;

const LEASED = `
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_deliveries_leased_idx ON outbound_deliveries (lease_until)
WHERE status = 'sending' AND lease_owner IS NOT NULL`;

export const claimIndexes: Migration = {
  name: '0003-claim-indexes',
  inTransaction: false,
  statements: [
    dropIfInvalid('outbound_deliveries_waiting_idx'),
    WAITING,
    dropIfInvalid('outbound_deliveries_leased_idx'),
    LEASED,
  ],
};
