import { randomUUID } from 'node:crypto';
import { type Log, silentLog } from '../../ports/log.ts';
import type { Claim, LeaseRoute, Outbox, OutboxStats, Settlement } from '../../ports/outbox.ts';
import { ArrivalsListener } from './arrivals-listener.ts';
import { CLAIM, claimParameters } from './claim-query.ts';
import { type ClaimedRow, claimOf } from './claimed-row.ts';
import { ConnectionPool } from './connection-pool.ts';
import { RELEASE, RENEW } from './lease-queries.ts';
import type { PostgresSettings } from './postgres-settings.ts';
import { settleAll } from './settle-all.ts';
import { STATS, type StatsRow } from './stats-query.ts';

export interface PostgresOutboxOptions extends PostgresSettings {
  /** Who holds the leases, for people that read the table. 1 to 100 characters. */
  readonly workerId: string;
  /** The values of the column `provider` that are this worker's; all others are left alone. */
  readonly providers: readonly string[];
  /** How long a mail is of use, from `created_at` on, where `expires_at` says nothing. */
  readonly defaultTimeToLiveMs: number;
  /** Whether fates are brought back to the rows, so that one which does not come is missed. @default false */
  readonly awaitsFates?: boolean;
  /** @default logs nothing */
  readonly log?: Log;
}

/**
 * The table `outbound_deliveries`, after its migrations.
 *
 *     queued ──claim──▶ sending, leased ──settle──▶ delivered | sending, provider ses | failed | queued, later
 *       ▲                 │          │
 *       └─────release─────┘          └─ lease ends ──▶ claimed by another, takenOver where SMTP may have had it
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
    for (const { id, takenOver } of rows) this.#inHand.set(id, takenOver);
    // The walk ends in the middle of a turn at the least urgent priority: there the next one goes on.
    const last = rows.findLast(({ ended }) => !ended);
    if (last !== undefined) this.#afterTenant = last.tenantId ?? '';
    return rows.map((row) => claimOf(row, this.#options.defaultTimeToLiveMs));
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly string[]> {
    const lost = await settleAll(this.#pool, this.#leaseOwner, settlements);
    this.#letGo(settlements.map(({ id }) => id));
    return lost;
  }

  async renew(ids: readonly string[], leaseMs: number): Promise<void> {
    if (ids.length === 0) return;
    await this.#pool.query('renew', RENEW, [this.#leaseOwner, ids, leaseMs]);
  }

  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const takenOver = ids.filter((id) => this.#inHand.get(id) === true);
    await this.#pool.query('release', RELEASE, [this.#leaseOwner, ids, takenOver]);
    this.#letGo(ids);
  }

  watch(listener: () => void, signal: AbortSignal): void {
    this.#listener.watch(listener, signal);
  }

  /** Asks for nothing: whether the database answers. */
  async ping(): Promise<void> {
    await this.#pool.query('ping', 'SELECT 1', []);
  }

  /** Stops to count at 50,000 that wait, and at 10,000 whose fate is awaited. */
  async stats(): Promise<OutboxStats> {
    const { providers, awaitsFates = false } = this.#options;
    const [row] = await this.#pool.query<StatsRow>('count', STATS, [providers, awaitsFates]);
    const { queued = 0, oldestDueSeconds = 0, fatesOverdue = null } = row ?? {};
    return { queued, oldestDueSeconds, ...(fatesOverdue === null ? {} : { fatesOverdue }) };
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
