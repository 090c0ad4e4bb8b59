import { ARRIVALS_CHANNEL } from './arrivals-listener.ts';

export interface Migration {
  /** Sorts by its number; never renamed once released. */
  readonly name: string;
  /**
   * Whether its statements are atomic. Only `CREATE INDEX CONCURRENTLY`, which PostgreSQL refuses inside a
   * transaction, needs `false`; each such statement can be run again after an interruption.
   */
  readonly inTransaction: boolean;
  readonly statements: readonly string[];
}

/**
 * A concurrent build lets the API keep writing. An interrupted one leaves an invalid index, which `IF NOT
 * EXISTS` would accept as the real one. Dropping it briefly locks the table, and other sessions would wait
 * behind that lock.
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
 * The API's table. An existing one is left unchanged, including its indexes: they may have any name, and a
 * second set would only add cost.
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
 * The worker's columns. All are nullable or have a constant default, so PostgreSQL changes only its catalogue
 * and rewrites no rows.
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
 * The claim order: the claim query walks this index and reads nothing else. New deliveries (0) are separate
 * from retries (1): new ones are due regardless of `created_at`, retries from `next_retry_at` on.
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
 * Notifies the workers of deliveries to claim.
 *
 * An INSERT notifies once per statement, for any number of rows. An UPDATE notifies for rows that return to
 * `queued` and are due at once: those that an operator or the API requeues, and those that a worker releases.
 * A completion with a later retry is not due, and a claim does not set `queued`, so neither notifies. The
 * payload names the worker that released, which need not wake itself; PostgreSQL merges equal notifications
 * of one transaction.
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
 * The deliveries handed over to SES, by time of creation, to count those that never get a delivery status. It
 * is small, because a row leaves it with its status. A receipt that does not change the state changes none of
 * its columns, so such a change still touches no index.
 */
const STATUS_AWAITED = `
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_deliveries_fate_awaited_idx ON outbound_deliveries (
  (coalesce(created_at, '-infinity'))
) WHERE status = 'sending' AND provider = 'ses' AND lease_owner IS NULL`;

const statusesAwaited: Migration = {
  name: '0005-fates-awaited',
  inTransaction: false,
  statements: [dropIfInvalid('outbound_deliveries_fate_awaited_idx'), STATUS_AWAITED],
};

/**
 * The statuses of deliveries with many recipients, a row for each recipient, and counts over them.
 *
 * The rows go with their delivery by triggers: a foreign key would do that as well, but it would forbid the API
 * to truncate its table. A role that may write deliveries may write their recipients.
 */
const manyRecipients: Migration = {
  name: '0006-many-recipients',
  inTransaction: true,
  statements: [
    `
CREATE TABLE IF NOT EXISTS outbound_recipients (
  delivery_id text NOT NULL,
  recipient text NOT NULL,
  handed_over boolean NOT NULL,
  status jsonb,
  message_ids text[] NOT NULL,
  PRIMARY KEY (delivery_id, recipient)
)`,
    'ALTER TABLE outbound_deliveries ADD COLUMN IF NOT EXISTS recipient_counts jsonb',
    `
CREATE OR REPLACE FUNCTION outbound_deliveries_gone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    TRUNCATE outbound_recipients;
  ELSE
    DELETE FROM outbound_recipients WHERE delivery_id = OLD.id::text;
  END IF;
  RETURN NULL;
END
$$`,
    `
CREATE OR REPLACE TRIGGER outbound_deliveries_deleted
AFTER DELETE ON outbound_deliveries
FOR EACH ROW WHEN (OLD.recipient_counts IS NOT NULL) EXECUTE FUNCTION outbound_deliveries_gone()`,
    `
CREATE OR REPLACE TRIGGER outbound_deliveries_truncated
AFTER TRUNCATE ON outbound_deliveries
FOR EACH STATEMENT EXECUTE FUNCTION outbound_deliveries_gone()`,
    `
DO $$
DECLARE
  granted record;
BEGIN
  FOR granted IN
    SELECT grantee::regrole AS role, bool_or(privilege_type = 'UPDATE') AS writes
    FROM pg_class, aclexplode(relacl)
    WHERE pg_class.oid = 'outbound_deliveries'::regclass
      AND privilege_type IN ('SELECT', 'UPDATE') AND grantee NOT IN (0, relowner)
    GROUP BY grantee
  LOOP
    EXECUTE format('GRANT SELECT ON outbound_recipients TO %s', granted.role);
    IF granted.writes THEN
      EXECUTE format('GRANT INSERT, UPDATE ON outbound_recipients TO %s', granted.role);
    END IF;
  END LOOP;
END
$$`,
  ],
};

/**
 * The claim order again. After a look at an empty queue the planner believes that nothing waits, and then any index
 * that knows the status seems as good as this one: it would read, for each probe, an entry of everything that was
 * queued once. A condition on the status in this form fits no index but this one.
 *
 * The older index of the claim order goes: a worker of the previous release, until it is replaced, claims slowly.
 */
const TURNS = `
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_deliveries_turns_idx ON outbound_deliveries (
  priority DESC,
  (coalesce(tenant_id, '')),
  provider,
  (CASE WHEN next_retry_at IS NULL THEN 0 ELSE 1 END),
  (coalesce(next_retry_at, created_at, '-infinity')),
  id
) WHERE (status || '') = 'queued'`;

/**
 * What waits by the time it came or falls due, to see what is new without a look at every queue. A third form of the
 * condition, so that neither index is taken for the other.
 */
const ARRIVALS = `
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_deliveries_arrivals_idx ON outbound_deliveries (
  provider,
  (coalesce(next_retry_at, created_at)),
  id
) WHERE ('' || status) = 'queued'`;

const placesIndexes: Migration = {
  name: '0007-places',
  inTransaction: false,
  statements: [
    dropIfInvalid('outbound_deliveries_turns_idx'),
    TURNS,
    dropIfInvalid('outbound_deliveries_arrivals_idx'),
    ARRIVALS,
    'DROP INDEX CONCURRENTLY IF EXISTS outbound_deliveries_waiting_idx',
  ],
};

/** An address is cut, because an entry of an index has a limit, beyond which the API could not insert its row. */
export const MAX_ADDRESS_CHARACTERS = 320;

/** The deliveries of an address, newest first, for an operator. */
const OF_AN_ADDRESS = `
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_deliveries_address_idx ON outbound_deliveries (
  (left(lower(target_address), ${MAX_ADDRESS_CHARACTERS})),
  created_at
)`;

const OF_A_RECIPIENT = `
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_recipients_address_idx ON outbound_recipients (
  (left(recipient, ${MAX_ADDRESS_CHARACTERS}))
)`;

const addressIndexes: Migration = {
  name: '0008-address-indexes',
  inTransaction: false,
  statements: [
    dropIfInvalid('outbound_deliveries_address_idx'),
    OF_AN_ADDRESS,
    dropIfInvalid('outbound_recipients_address_idx'),
    OF_A_RECIPIENT,
  ],
};

/**
 * What an operator finds a delivery by, besides the columns of the API. These are columns and not indexes on
 * `mail` and `delivery_trace`, for two reasons: a receipt that does not change the state writes the trace, and an index
 * on that would take away the update without index entries (HOT) that it is now; and the mail would be unpacked again
 * by each claim and completion.
 *
 * - `search_addresses`: the addresses of the mail in lower case, if the row's `target_address` is not all of them. A
 *   trigger writes them as the row comes, so that the worker has no part in it.
 * - `search_class`: the class of the last failure. The completion writes it.
 * - `search_message_ids`: what SES calls the mail, without the domain that it adds. Receipts write it.
 */
const searchColumns: Migration = {
  name: '0009-search-columns',
  inTransaction: true,
  statements: [
    `
ALTER TABLE outbound_deliveries
  ADD COLUMN IF NOT EXISTS search_addresses text[],
  ADD COLUMN IF NOT EXISTS search_class text,
  ADD COLUMN IF NOT EXISTS search_message_ids text[]`,
    // An error here would refuse the API's row: whatever the columns hold is read as text.
    `
CREATE OR REPLACE FUNCTION outbound_deliveries_addressed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.search_addresses := ARRAY(
    SELECT DISTINCT left(address, ${MAX_ADDRESS_CHARACTERS})
    FROM (
      SELECT NEW.target_address
      UNION ALL SELECT jsonb_path_query(NEW.mail, 'lax $.to[*]', '{}', true) #>> '{}'
      UNION ALL SELECT jsonb_path_query(NEW.mail, 'lax $.cc[*]', '{}', true) #>> '{}'
      UNION ALL SELECT jsonb_path_query(NEW.mail, 'lax $.bcc[*]', '{}', true) #>> '{}'
    ) AS field (mailboxes)
    CROSS JOIN LATERAL (
      SELECT match[1] FROM regexp_matches(
        lower(mailboxes), '[^[:space:]<>()\\[\\],;:"]+@[^[:space:]<>()\\[\\],;:"]+', 'g'
      ) AS match
    ) AS one (address)
    WHERE address IS DISTINCT FROM lower(NEW.target_address)
  );
  IF cardinality(NEW.search_addresses) = 0 THEN
    NEW.search_addresses := NULL;
  END IF;
  RETURN NEW;
END
$$`,
    `
CREATE OR REPLACE TRIGGER outbound_deliveries_addressed
BEFORE INSERT OR UPDATE OF mail, target_address ON outbound_deliveries
FOR EACH ROW WHEN (NEW.mail IS NOT NULL OR strpos(NEW.target_address, '<') > 0)
EXECUTE FUNCTION outbound_deliveries_addressed()`,
  ],
};

/**
 * The Message-ID of a composed mail has a hash of its id (`compositionMark`), of which this is the beginning. The id is
 * read as bytes in a form that PostgreSQL takes into an index; a backslash would be an escape.
 */
export const MESSAGE_ID_HASH = `sha256(decode(replace(id::text, '\\', '\\\\'), 'escape'))`;

/** What is out of the worker's hands, and may have been sent. */
export const OUT_OF_HAND = `lease_owner IS NULL AND status <> 'queued'`;

const inSearch = (name: string, definition: string): readonly string[] => [
  dropIfInvalid(`outbound_deliveries_${name}_idx`),
  `CREATE INDEX CONCURRENTLY IF NOT EXISTS outbound_deliveries_${name}_idx ON outbound_deliveries ${definition}`,
];

/**
 * The search of an operator, newest first. A claim and a completion change the status, which is in an index of the API,
 * so each of them writes an entry to every index that has the row: three for each mail. Only the tenant is worth
 * that; the others leave out most rows, or the versions of a row before its completion.
 */
const searchIndexes: Migration = {
  name: '0010-search-indexes',
  inTransaction: false,
  statements: [
    ...inSearch('of_tenant', '(tenant_id, created_at)'),
    ...inSearch('failed', `(created_at) WHERE status = 'failed'`),
    ...inSearch('class', '(search_class, created_at) WHERE search_class IS NOT NULL'),
    ...inSearch('addresses', 'USING gin (search_addresses) WHERE search_addresses IS NOT NULL'),
    ...inSearch('ses_ids', 'USING gin (search_message_ids) WHERE search_message_ids IS NOT NULL'),
    ...inSearch('message_id', `((substr(${MESSAGE_ID_HASH}, 1, 8))) WHERE ${OUT_OF_HAND}`),
  ],
};

/** In order of application. New ones go to the end; released ones do not change. */
export const allMigrations: readonly Migration[] = [
  outboundDeliveries,
  mailAndLease,
  claimIndexes,
  notifyOfArrivals,
  statusesAwaited,
  manyRecipients,
  placesIndexes,
  addressIndexes,
  searchColumns,
  searchIndexes,
];
