import { ARRIVALS_CHANNEL } from './arrivals-listener.ts';

export interface Migration {
  /** Sorts by its number; it is never renamed once released. */
  readonly name: string;
  /**
   * Whether its statements take effect together or not at all. Only `CREATE INDEX CONCURRENTLY`, which PostgreSQL
   * refuses inside a transaction, needs `false`; each such statement can be run again after it was broken off.
   */
  readonly inTransaction: boolean;
  readonly statements: readonly string[];
}

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

/**
 * The table as the API has it. Where it exists, it is left as it is, its indexes included: they may have any
 * name, and a second set would only cost.
 */
const outboundDeliveries: Migration = {
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

/**
 * What a worker needs beside the API's columns. All are nullable or have a constant default, so PostgreSQL
 * changes its catalogue alone and rewrites no row.
 */
const mailAndLease: Migration = {
  name: '0002-mail-and-lease',
  inTransaction: true,
  statements: [
    `
ALTER TABLE outbound_deliveries
  ADD COLUMN IF NOT EXISTS mail jsonb,
  ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS expires_at timestamptz,
  ADD COLUMN IF NOT EXISTS owed_recipients text[],
  ADD COLUMN IF NOT EXISTS lease_owner text,
  ADD COLUMN IF NOT EXISTS lease_until timestamptz,
  ADD COLUMN IF NOT EXISTS lease_route text`,
  ],
};

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

const claimIndexes: Migration = {
  name: '0003-claim-indexes',
  inTransaction: false,
  statements: [
    dropIfInvalid('outbound_deliveries_waiting_idx'),
    WAITING,
    dropIfInvalid('outbound_deliveries_leased_idx'),
    LEASED,
  ],
};

/**
 * Tells the workers that there is something to claim.
 *
 * An INSERT tells once a statement, however many rows it brings. An UPDATE tells for rows that go back to
 * `queued` and are due at once: those that a person or the API wants sent again, and those that a worker gives
 * back. A worker that settles for a later retry is not due, and one that claims does not set `queued`, so neither
 * tells. The payload names the worker that gave back, which need not wake itself; PostgreSQL folds equal
 * notifications of one transaction into one.
 */
const notifyOfArrivals: Migration = {
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

/**
 * The deliveries in the hands of SES, by when they came in: those whose fate never comes back are counted here. It is
 * small, as a row leaves it with its fate. None of its columns changes by a receipt that leaves the state as it is, so
 * that such a change still touches no index.
 */
const FATE_AWAITED = `
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_deliveries_fate_awaited_idx ON outbound_deliveries (
  (coalesce(created_at, '-infinity'))
) WHERE status = 'sending' AND provider = 'ses' AND lease_owner IS NULL`;

const fatesAwaited: Migration = {
  name: '0005-fates-awaited',
  inTransaction: false,
  statements: [dropIfInvalid('outbound_deliveries_fate_awaited_idx'), FATE_AWAITED],
};

/** In the order in which they are applied. New ones go to the end; released ones do not change. */
export const allMigrations: readonly Migration[] = [
  outboundDeliveries,
  mailAndLease,
  claimIndexes,
  notifyOfArrivals,
  fatesAwaited,
];
