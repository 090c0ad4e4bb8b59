import { ARRIVALS_CHANNEL } from '../arrivals-channel.ts';
import type { Migration } from './migration.ts';

/**
 * Tells the workers that there is something to claim.
 *
 * An INSERT tells once a statement, however many rows it brings. An UPDATE tells for rows that go back to
 * `queued` and are due at once: those that a person or the API wants sent again, and those that a worker gives
 * back. A worker that settles for a later retry is not due, and one that claims does not set `queued`, so neither
 * tells. The payload names the worker that gave back, which need not wake itself; PostgreSQL folds equal
 * notifications of one transaction into one.
 */
export const notifyOfArrivals: Migration = {
  name: '0004-notify',
  inTransaction: true,
  statements: [
    `
CREATE OR REPLACE FUNCTION outbound_deliveries_arrived() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('${ARRIVALS_CHANNEL}', '');
  RETURN NULL;
END
$$`,
    `
CREATE OR REPLACE FUNCTION outbound_deliveries_returned() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('${ARRIVALS_CHANNEL}', coalesce(OLD.lease_owner, ''));
  RETURN NULL;
END
$$`,
    `
CREATE OR REPLACE TRIGGER outbound_deliveries_arrived
AFTER INSERT ON outbound_deliveries
FOR EACH STATEMENT EXECUTE FUNCTION outbound_deliveries_arrived()`,
    `
CREATE OR REPLACE TRIGGER outbound_deliveries_returned
AFTER UPDATE OF status, next_retry_at ON outbound_deliveries
FOR EACH ROW
WHEN (
  NEW.status = 'queued'
  AND (NEW.next_retry_at IS NULL OR NEW.next_retry_at <= now())
  AND (OLD.status IS DISTINCT FROM 'queued' OR OLD.next_retry_at IS DISTINCT FROM NEW.next_retry_at)
)
EXECUTE FUNCTION outbound_deliveries_returned()`,
  ],
};
