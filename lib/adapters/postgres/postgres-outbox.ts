import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Claim, ClaimRequest, Completion, Outbox, OutboxStats } from '../../ports/outbox.ts';
import { type Log, silentLog } from '../../ports/runtime.ts';
import { ArrivalsListener } from './arrivals-listener.ts';
import {
  CLAIM,
  type ClaimedRow,
  claimParameters,
  type LargeMailRow,
  MAX_STORED_MAIL_BYTES,
  READ_MAIL,
  toClaim,
} from './claim.ts';
import { completeAll } from './complete.ts';
import { ConnectionPool } from './connection.ts';
import type { PostgresSettings } from './postgres-settings.ts';
import { NOTIFY } from './session.ts';
import { TableCheck } from './table-check.ts';

export interface PostgresOutboxOptions extends PostgresSettings {
  /** The lease owner, for operators who read the table. 1 to 100 characters. */
  readonly workerId: string;
  /** The values of the column `provider` that this worker handles; it ignores all others. */
  readonly providers: readonly string[];
  /** Lifetime of a mail from `created_at` on, if `expires_at` is not set. */
  readonly defaultTimeToLiveMs: number;
  /** Whether statuses are written to the rows, so that a missing one counts as overdue. @default false */
  readonly awaitsStatuses?: boolean;
  /** @default logs nothing */
  readonly log?: Log;
}

/**
 * The table `outbound_deliveries`, after its migrations.
 *
 *     queued ──claim──▶ sending, leased ──settle──▶ delivered | sending, provider ses | failed | queued, later
 *       ▲                 │          │
 *       └─────release─────┘          └─ lease ends ──▶ claimed by another, `reclaimed` if SMTP may have it
 *
 * All times are the database's. Each method throws `OutboxUnavailableError` if the database does not respond,
 * and may then be called again with the same arguments; `OutboxSchemaError` if the table is not as the
 * migrations leave it.
 *
 * This outbox does not claim a delivery again until it is completed or released, even if its lease has ended:
 * a completion that throws must be retried.
 */
export class PostgresOutbox implements Outbox {
  readonly #pool: ConnectionPool;
  readonly #listener: ArrivalsListener;
  readonly #table: TableCheck;
  readonly #options: PostgresOutboxOptions;
  /** Unique, so that two processes with the same name do not mistake each other's leases for their own. */
  readonly #leaseOwner: string;
  /** Claimed and neither completed nor released, with whether it was taken over. */
  readonly #claimed = new Map<string, boolean>();
  readonly #claiming = new Set<Promise<unknown>>();
  #afterTenant = '';

  constructor(options: PostgresOutboxOptions) {
    check(options);
    this.#options = options;
    this.#leaseOwner = `${options.workerId}/${randomUUID().slice(0, 8)}`;
    const applicationName = `outbound ${options.workerId}`;
    this.#pool = new ConnectionPool(options, applicationName);
    this.#table = new TableCheck((text, values) => this.#pool.query('check the table', text, [...values]));
    this.#listener = new ArrivalsListener({
      settings: options,
      applicationName,
      leaseOwner: this.#leaseOwner,
      log: options.log ?? silentLog,
      notify: (channel) => this.#pool.query('check notifications', NOTIFY, [channel]),
    });
  }

  /** May return fewer than `limit` even if more are due: a claim fetches a limited amount of mail. */
  claim(request: ClaimRequest): Promise<Claim[]> {
    const claiming = this.#table
      .ensure()
      .then(() => this.#claim(request))
      .finally(() => this.#claiming.delete(claiming));
    this.#claiming.add(claiming);
    return claiming;
  }

  async #claim(request: ClaimRequest): Promise<Claim[]> {
    const rows = await this.#pool.query<ClaimedRow>(
      'claim',
      CLAIM,
      claimParameters({
        ...request,
        worker: this.#leaseOwner,
        providers: this.#options.providers,
        afterTenant: this.#afterTenant,
        inHand: [...this.#claimed.keys()],
      }),
    );
    for (const { id, reclaimed } of rows) this.#claimed.set(id, reclaimed);
    // The walk ends in the middle of a turn at the least urgent priority: the next one continues there.
    const last = rows.findLast(({ ended }) => !ended);
    if (last !== undefined) this.#afterTenant = last.tenantId ?? '';
    return rows.map((row) =>
      toClaim(row, this.#options.defaultTimeToLiveMs, (id) => this.#readLargeMail(id)),
    );
  }

  async #readLargeMail(id: string): Promise<LargeMailRow | undefined> {
    const [row] = await this.#pool.query<LargeMailRow>('read a mail', READ_MAIL, [id, MAX_STORED_MAIL_BYTES]);
    return row;
  }

  async complete(completion: readonly Completion[]): Promise<readonly string[]> {
    const lost = await completeAll(this.#pool, this.#leaseOwner, completion);
    this.#forget(completion.map(({ id }) => id));
    return lost;
  }

  async renew(ids: readonly string[], leaseMs: number): Promise<readonly string[]> {
    const lost = await this.#pool.query<{ id: string }>('renew', RENEW, [this.#leaseOwner, ids, leaseMs]);
    return lost.map(({ id }) => id);
  }

  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const reclaimed = ids.filter((id) => this.#claimed.get(id) === true);
    await this.#pool.query('release', RELEASE, [this.#leaseOwner, ids, reclaimed]);
    this.#forget(ids);
  }

  watch(listener: () => void, signal: AbortSignal): void {
    this.#listener.watch(listener, signal);
  }

  /** Checks that the database responds, and that the table is as the worker needs it. */
  async ping(): Promise<void> {
    await this.#table.run();
  }

  /** Stops counting at 50,000 waiting deliveries and at 10,000 awaited statuses. */
  async stats(): Promise<OutboxStats> {
    const { providers, awaitsStatuses = false } = this.#options;
    const [row] = await this.#pool.query<StatsRow>('count', STATS, [providers, awaitsStatuses]);
    const { queued = 0, oldestDueSeconds = 0, statusesOverdue = null } = row ?? {};
    return { queued, oldestDueSeconds, ...(statusesOverdue === null ? {} : { statusesOverdue }) };
  }

  /** Waits for calls in progress; remaining leases expire. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#claiming);
    await Promise.all([this.#listener.close(), this.#pool.close()]);
  }

  #forget(ids: readonly string[]): void {
    for (const id of ids) this.#claimed.delete(id);
  }
}

function check({ workerId, providers, defaultTimeToLiveMs }: PostgresOutboxOptions): void {
  if (workerId.length === 0 || workerId.length > 100) {
    throw new RangeError(`workerId must have 1 to 100 characters, not ${workerId.length}`);
  }
  if (providers.length === 0) throw new RangeError('providers must name at least one provider');
  if (!(defaultTimeToLiveMs > 0)) {
    throw new RangeError(`defaultTimeToLiveMs must be above 0, not ${defaultTimeToLiveMs}`);
  }
}

/**
 * Extends leases to `$3` milliseconds from now and returns the ids whose lease is another's or nobody's. Skips locked
 * rows: another session is completing the row, or at least no session can claim it meanwhile, and waiting for it would let
 * all the other leases end.
 */
const RENEW = `
WITH renewed AS (
  UPDATE outbound_deliveries SET lease_until = now() + make_interval(secs => $3::float8 / 1000)
  WHERE id IN (
    SELECT id FROM outbound_deliveries
    WHERE id = ANY ($2::text[]) AND lease_owner = $1::text
    FOR UPDATE SKIP LOCKED
  )
)
SELECT id FROM outbound_deliveries WHERE id = ANY ($2::text[]) AND lease_owner IS DISTINCT FROM $1::text`;

/**
 * Releases deliveries as they were before the claim; keeps a status that another program has set since.
 * Deliveries taken over from a crashed worker (`$3`) go back as an ended lease: the next worker must know
 * that SMTP may have them.
 */
const RELEASE = `
WITH mine AS (
  SELECT id, status = 'sending' AND lease_route = 'smtp' AND id = ANY ($3::text[]) AS taken_over
  FROM outbound_deliveries
  WHERE id = ANY ($2::text[]) AND lease_owner = $1::text
  ORDER BY id
  FOR UPDATE
)
UPDATE outbound_deliveries AS d SET
  status = CASE WHEN d.status = 'sending' AND NOT taken_over THEN 'queued' ELSE d.status END,
  attempt_count = greatest(d.attempt_count - 1, 0),
  lease_owner = CASE WHEN taken_over THEN d.lease_owner END,
  lease_until = CASE WHEN taken_over THEN now() - interval '1 millisecond' END,
  lease_route = CASE WHEN taken_over THEN 'smtp' END,
  updated_at = now()
FROM mine
WHERE d.id = mine.id`;

interface StatsRow {
  readonly queued: number;
  readonly oldestDueSeconds: number;
  /** Null if not requested. */
  readonly statusesOverdue: number | null;
}

/** Counts waiting and overdue deliveries, each up to a limit: a higher number would change no decision. */
export const STATS = readFileSync(new URL('./sql/stats.sql', import.meta.url), 'utf8');
