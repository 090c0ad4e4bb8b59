import { dropIfInvalid } from './drop-if-invalid.ts';
import type { Migration } from './migration.ts';

/**
 * The deliveries in the hands of SES, by when they came in: those whose fate never comes back are counted here. It is
 * small, as a row leaves it with its fate. None of its columns changes by a receipt that leaves the state as it is, so
 * that such a change still touches no index.
 */
const FATE_AWAITED = `
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_deliveries_fate_awaited_idx ON outbound_deliveries (
  (coalesce(created_at, '-infinity'))
) WHERE status = 'sending' AND provider = 'ses' AND lease_owner IS NULL`;

export const fatesAwaited: Migration = {
  name: '0005-fates-awaited',
  inTransaction: false,
  statements: [dropIfInvalid('outbound_deliveries_fate_awaited_idx'), FATE_AWAITED],
};
