import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Claim, ClaimRequest, Completion, Outbox, OutboxStats, Renewal } from '../../ports/outbox.ts';
import { type Log, silentLog } from '../../ports/runtime.ts';
import { ArrivalsListener } from './arrivals-listener.ts';
import {
  CLAIM,
  type ClaimedRow,
  claimParameters,
  DEFAULT_MAX_BYTES,
  type LargeMailRow,
  MAX_STORED_MAIL_BYTES,
  READ_MAIL,
  toClaim,
} from './claim.ts';
import { completeAll } from './complete.ts';
import { ConnectionPool } from './connection.ts';
import { DutyCycle } from './duty-cycle.ts';
import type { PostgresSettings } from './postgres-settings.ts';
import { type Proposal, Scout } from './scout.ts';
import { NOTIFY } from './session.ts';
import { TableCheck } from './table-check.ts';

/** A count this fast may run on every call of `stats`; after a slower one it rests twenty times as long. */
const CHEAP_COUNT_MS = 500;

/** If others keep claiming the candidates first, a claim gives up after so many rounds and returns what it has. */
const MAX_CLAIM_ROUNDS = 50;

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
  /** Claimed and neither completed nor released, with whether SMTP may already have it. */
  readonly #claimed = new Map<string, boolean>();
  readonly #claiming = new Set<Promise<unknown>>();
  readonly #scout: Scout;
  #closed = false;
  readonly #counting = new DutyCycle(
    () => this.#count(),
    (_, ms) => ms <= CHEAP_COUNT_MS,
  );
  #stats: OutboxStats | undefined;

  constructor(options: PostgresOutboxOptions) {
    check(options);
    this.#options = options;
    this.#leaseOwner = `${options.workerId}/${randomUUID().slice(0, 8)}`;
    const applicationName = `outbound ${options.workerId}`;
    this.#pool = new ConnectionPool(options, applicationName, { keepsPlans: true });
    this.#table = new TableCheck((text, values) => this.#pool.query('check the table', text, [...values]));
    this.#scout = new Scout(this.#pool, options.providers);
    this.#listener = new ArrivalsListener({
      settings: options,
      applicationName,
      leaseOwner: this.#leaseOwner,
      log: options.log ?? silentLog,
      notify: (channel) => this.#pool.query('check notifications', NOTIFY, [channel]),
    });
  }

  /** May return fewer than `limit` even if more are due: a claim fetches a limited amount of mail. */
  async claim(request: ClaimRequest): Promise<Claim[]> {
    if (this.#closed) throw new Error('the outbox is closed and cannot claim');
    const claiming = this.#table.ensure().then(() => this.#claimRows(request));
    this.#claiming.add(claiming);
    try {
      return (await claiming).map((row) =>
        toClaim(row, this.#options.defaultTimeToLiveMs, (id) => this.#readLargeMail(id)),
      );
    } finally {
      this.#claiming.delete(claiming);
    }
  }

  async #readLargeMail(id: string): Promise<LargeMailRow | undefined> {
    const [row] = await this.#pool.query<LargeMailRow>('read a mail', READ_MAIL, [id, MAX_STORED_MAIL_BYTES]);
    return row;
  }

  async #claimRows(request: ClaimRequest): Promise<ClaimedRow[]> {
    const rows: ClaimedRow[] = [];
    // A claim for something urgent does not survey: it has what arrived since the last look.
    let maySurvey = !(await this.#scout.look()) && request.abovePriority === undefined;
    for (let round = 0; round < MAX_CLAIM_ROUNDS; round += 1) {
      try {
        const more = await this.#claimMore(rows, request);
        if (more === 'yes') continue;
        if (more === 'enough' || !maySurvey) break;
        // Nothing waits at the places that the scout remembers. What is claimed does not wait for a costly survey.
        if (rows.length > 0 && !this.#scout.surveysCheaply) break;
        if (!(await this.#scout.survey())) break;
        maySurvey = false;
      } catch (error) {
        // What is claimed already must reach the caller.
        if (rows.length === 0) throw error;
        break;
      }
    }
    return rows;
  }

  /** Adds to the rows. @returns whether there may be more to claim */
  async #claimMore(rows: ClaimedRow[], request: ClaimRequest): Promise<'yes' | 'none' | 'enough'> {
    const wanted = request.limit - rows.length;
    const maxBytes = leftOf(request.maxBytes, rows);
    if (maxBytes < 0) return 'enough';
    const proposal = await this.#scout.propose(wanted, [...this.#claimed.keys()], request.abovePriority);
    const claimed = await this.#claimAmong(proposal, { ...request, limit: wanted, maxBytes });
    rows.push(...claimed.rows);
    // If it stopped before the last candidate, the limit of rows or of bytes is reached.
    if (rows.length >= request.limit || !claimed.passedAll) return 'enough';
    return proposal.more ? 'yes' : 'none';
  }

  async #claimAmong(
    proposal: Proposal,
    request: ClaimRequest,
  ): Promise<{ readonly rows: readonly ClaimedRow[]; readonly passedAll: boolean }> {
    const endedSince = (request.takeOver ?? true) ? this.#scout.endedSince : null;
    const { candidates } = proposal;
    if (candidates.length === 0 && endedSince === null) return { rows: [], passedAll: true };
    const rows = await this.#pool.query<ClaimedRow>(
      'claim',
      CLAIM,
      claimParameters({
        ...request,
        worker: this.#leaseOwner,
        providers: this.#options.providers,
        candidates: candidates.map(({ id }) => id),
        inHand: [...this.#claimed.keys()],
        endedSince,
      }),
    );
    for (const { id, reclaimed } of rows) this.#claimed.set(id, reclaimed);
    const waiting = new Set(rows.filter(({ ended }) => !ended).map(({ id }) => id));
    const allEnded = rows.length > 0 && waiting.size === 0;
    if (endedSince !== null && rows.length === waiting.size) this.#scout.noneEnded(endedSince);
    // Candidates are claimed in their order, and at least the first that is still there.
    const last = candidates.findLastIndex(({ id }) => waiting.has(id));
    const passed = allEnded ? 0 : last === -1 ? candidates.length : last + 1;
    this.#scout.passed(proposal, passed, waiting.size);
    return { rows, passedAll: passed === candidates.length };
  }

  async complete(completion: readonly Completion[]): Promise<readonly string[]> {
    const lost = await completeAll(this.#pool, this.#leaseOwner, completion);
    this.#forget(completion.map(({ id }) => id));
    return lost;
  }

  async renew(ids: readonly string[], leaseMs: number): Promise<Renewal> {
    const rows = await this.#pool.query<RenewedRow>('renew', RENEW, [this.#leaseOwner, ids, leaseMs]);
    const idsOf = (isRenewed: boolean) => rows.filter((row) => row.renewed === isRenewed).map(({ id }) => id);
    return { renewed: idsOf(true), lost: idsOf(false) };
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

  /**
   * Stops counting at 50,000 waiting deliveries and at 10,000 awaited statuses. Where counting takes long, the
   * last result stands for twenty times as long.
   */
  async stats(): Promise<OutboxStats> {
    if (this.#stats === undefined || this.#counting.rested) this.#stats = await this.#counting.run();
    return this.#stats;
  }

  async #count(): Promise<OutboxStats> {
    const { providers, awaitsStatuses = false } = this.#options;
    const [row] = await this.#pool.query<StatsRow>('count', STATS, [providers, awaitsStatuses]);
    const { queued = 0, oldestDueSeconds = 0, statusesOverdue = null } = row ?? {};
    return { queued, oldestDueSeconds, ...(statusesOverdue === null ? {} : { statusesOverdue }) };
  }

  /** Waits for calls in progress; remaining leases end. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#listener.close(), Promise.allSettled(this.#claiming), this.#scout.close()]);
    await this.#pool.close();
  }

  #forget(ids: readonly string[]): void {
    for (const id of ids) this.#claimed.delete(id);
  }
}

/** What is left of the bytes that may be fetched; negative if nothing. 0 means that none are to be fetched at all. */
function leftOf(maxBytes = DEFAULT_MAX_BYTES, rows: readonly ClaimedRow[]): number {
  if (maxBytes === 0) return 0;
  const left = maxBytes - rows.reduce((sum, { bytes, large }) => sum + (large ? 0 : bytes), 0);
  return left > 0 ? left : -1;
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
 * Extends leases to `$3` milliseconds from now. A locked row is skipped: while it is locked no worker can claim it, and waiting
 * for it would let the other leases end.
 */
const RENEW = `
WITH renewed AS (
  UPDATE outbound_deliveries SET lease_until = now() + make_interval(secs => $3::float8 / 1000)
  WHERE id IN (
    SELECT id FROM outbound_deliveries
    WHERE id = ANY ($2::text[]) AND lease_owner = $1::text
    FOR UPDATE SKIP LOCKED
  )
  RETURNING id
)
SELECT id, true AS renewed FROM renewed
UNION ALL
SELECT id, false FROM outbound_deliveries WHERE id = ANY ($2::text[]) AND lease_owner IS DISTINCT FROM $1::text`;

interface RenewedRow {
  readonly id: string;
  /** False if another worker has the lease, or none. */
  readonly renewed: boolean;
}

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
