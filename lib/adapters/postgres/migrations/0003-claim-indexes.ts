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

/**
 * A concurrent build lets the API go on writing while it runs. One that was broken off leaves an invalid index
 * behind, which `IF NOT EXISTS` would take for the real one. To drop it needs the table for a moment, and others
 * would wait behind that.
 */
const dropIfInvalid = (index: string) => `
DO $$
BEGIN
  PERFORM set_config('lock_timeout', '2s', true);
  IF EXISTS (
    SELECT FROM pg_index WHERE indexrelid = to_regclass('${index}') AND NOT indisvalid
  ) THEN
    DROP INDEX ${index};
  END IF;
END
$$`;

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
