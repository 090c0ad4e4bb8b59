import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Claim, Completion, LeaseRoute, Outbox, OutboxStats } from '../../ports/outbox.ts';
import { type Log, silentLog } from '../../ports/runtime.ts';
import { ArrivalsListener } from './arrivals-listener.ts';
import { CLAIM, type ClaimedRow, claimParameters, toClaim } from './claim.ts';
import { completeAll } from './complete.ts';
import { ConnectionPool, type PostgresSettings } from './connection.ts';

export interface PostgresOutboxOptions extends PostgresSettings {
  /** Who holds the leases, for people that read the table. 1 to 100 characters. */
  readonly workerId: string;
  /** The values of the column `provider` that are this worker's; all others are left alone. */
  readonly providers: readonly string[];
  /** How long a mail is of use, from `created_at` on, where `expires_at` says nothing. */
  readonly defaultTimeToLiveMs: number;
  /** Whether statuses are brought back to the rows, so that one which does not come is missed. @default false */
  readonly awaitsStatuses?: boolean;
  /** @default logs nothing */
  readonly log?: Log;
}

/**
 * The table `outbound_deliveries`, after its migrations.
 *
 *     queued ──claim──▶ sending, leased ──settle──▶ delivered | sending, provider ses | failed | queued, later
 *       ▲                 │          │
 *       └─────release─────┘          └─ lease ends ──▶ claimed by another, reclaimed where SMTP may have had it
 *
 * All times are the database's. Each method throws `OutboxUnavailableError` where the database cannot be asked
 * now, and may then be called again with the same arguments; `OutboxSchemaError` where the table is not as
 * the migrations leave it.
 *
 * What was claimed is in this outbox's hand until it is settled or released, and it does not claim it again
 * before that, not even when its lease has ended: a settlement that throws has to be tried again.
 */
export class PostgresOutbox implements Outbox {
  readonly #pool: ConnectionPool;
  readonly #listener: ArrivalsListener;
  readonly #options: PostgresOutboxOptions;
  /** Two processes that were given the same name must not take each other's leases for their own. */
  readonly #leaseOwner: string;
  /** What was claimed and is neither settled nor released, and whether it was taken over. */
  readonly #inHand = new Map<string, boolean>();
  #afterTenant = '';

  constructor(options: PostgresOutboxOptions) {
    check(options);
    this.#options = options;
    this.#leaseOwner = `${options.workerId}/${randomUUID().slice(0, 8)}`;
    const applicationName = `outbound ${options.workerId}`;
    this.#pool = new ConnectionPool(options, applicationName);
    this.#listener = new ArrivalsListener(
      options,
      applicationName,
      this.#leaseOwner,
      options.log ?? silentLog,
    );
  }

  /** May return fewer than `limit` though more are due: a claim fetches a limited amount of mail at a time. */
  async claim({
    limit,
    leaseMs,
    route,
  }: {
    readonly limit: number;
    readonly leaseMs: number;
    readonly route: LeaseRoute;
  }): Promise<Claim[]> {
    const rows = await this.#pool.query<ClaimedRow>(
      'claim',
      CLAIM,
      claimParameters({
        worker: this.#leaseOwner,
        providers: this.#options.providers,
        limit,
        leaseMs,
        route,
        afterTenant: this.#afterTenant,
        inHand: [...this.#inHand.keys()],
      }),
    );
    for (const { id, reclaimed } of rows) this.#inHand.set(id, reclaimed);
    // The walk ends in the middle of a turn at the least urgent priority: there the next one goes on.
    const last = rows.findLast(({ ended }) => !ended);
    if (last !== undefined) this.#afterTenant = last.tenantId ?? '';
    return rows.map((row) => toClaim(row, this.#options.defaultTimeToLiveMs));
  }

  async complete(completion: readonly Completion[]): Promise<readonly string[]> {
    const lost = await completeAll(this.#pool, this.#leaseOwner, completion);
    this.#letGo(completion.map(({ id }) => id));
    return lost;
  }

  async renew(ids: readonly string[], leaseMs: number): Promise<void> {
    if (ids.length === 0) return;
    await this.#pool.query('renew', RENEW, [this.#leaseOwner, ids, leaseMs]);
  }

  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const reclaimed = ids.filter((id) => this.#inHand.get(id) === true);
    await this.#pool.query('release', RELEASE, [this.#leaseOwner, ids, reclaimed]);
    this.#letGo(ids);
  }

  watch(listener: () => void, signal: AbortSignal): void {
    this.#listener.watch(listener, signal);
  }

  /** Asks for nothing: whether the database answers. */
  async ping(): Promise<void> {
    await this.#pool.query('ping', 'SELECT 1', []);
  }

  /** Stops to count at 50,000 that wait, and at 10,000 whose status is awaited. */
  async stats(): Promise<OutboxStats> {
    const { providers, awaitsStatuses = false } = this.#options;
    const [row] = await this.#pool.query<StatsRow>('count', STATS, [providers, awaitsStatuses]);
    const { queued = 0, oldestDueSeconds = 0, statusesOverdue = null } = row ?? {};
    return { queued, oldestDueSeconds, ...(statusesOverdue === null ? {} : { statusesOverdue }) };
  }

  /** Waits for the calls under way; leases that are still held end by themselves. */
  async close(): Promise<void> {
    await Promise.all([this.#listener.close(), this.#pool.close()]);
  }

  #letGo(ids: readonly string[]): void {
    for (const id of ids) this.#inHand.delete(id);
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
 * Makes leases last `$3` milliseconds from now. A row that another session holds at this moment is being settled,
 * or is safe from being claimed for as long: to wait for it would let all the other leases end.
 */
const RENEW = `
UPDATE outbound_deliveries SET lease_until = now() + make_interval(secs => $3::float8 / 1000)
WHERE id IN (
  SELECT id FROM outbound_deliveries
  WHERE id = ANY ($2::text[]) AND lease_owner = $1::text
  FOR UPDATE SKIP LOCKED
)`;

/**
 * Gives deliveries back as they were before the claim; a status that somebody else has set since stays. What was taken over from a dead worker (`$3`) goes back
 * as a lease that has ended: the next worker has to know that SMTP may have had it.
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
  /** Null where it is not asked for. */
  readonly statusesOverdue: number | null;
}

/** Counts what waits and what is overdue, each up to a limit: more would change no decision. */
export const STATS = readFileSync(new URL('./sql/stats.sql', import.meta.url), 'utf8');
