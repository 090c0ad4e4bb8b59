import { readFileSync } from 'node:fs';
import type { ConnectionPool } from './connection.ts';
import { DutyCycle } from './duty-cycle.ts';
import { OutboxUnavailableError } from './errors.ts';
import { inTurns, type Page, planReading } from './turns.ts';
import {
  type Candidate,
  type Place,
  type Waiting,
  type WaitingQueue,
  WaitingQueues,
} from './waiting-queues.ts';

/**
 * A survey that reads no more entries of the index than these is cheap: it takes some milliseconds. They are counted
 * and not timed, since the time also depends on what else the machine does.
 */
const CHEAP_ENTRIES = 20_000;

const SURVEY_INTERVAL_MS = 1_000;
const MAX_SURVEYED_QUEUES = 10_000;
const MAX_ARRIVALS = 1_000;

/** How many more candidates are looked for than are wanted, at most, if other workers claim most of them. */
const MAX_SURPLUS = 8;

const EARLIEST: Place = { since: '-infinity', micros: Number.NEGATIVE_INFINITY, id: '' };

const sql = (name: string) => readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8');

const SURVEY = sql('survey');
const ARRIVALS = sql('arrivals');
/** Finds the next deliveries of given queues. */
export const CANDIDATES = sql('candidates');

/** What a scout proposes to claim. */
export interface Proposal {
  readonly candidates: readonly Candidate[];
  /** The queues in which they were found. */
  readonly queues: readonly WaitingQueue[];
  /** Whether there may be more. */
  readonly more: boolean;
}

/**
 * Finds waiting deliveries, at a cost that does not depend on what was sent before.
 *
 * Entries of what was sent stay in the index for as long as any transaction is old enough to see them, at the
 * beginning of every queue. A scout therefore remembers the place of each queue, and looks at what came since.
 * Now and then it surveys all queues from their beginning: that finds what the places miss, and the leases that
 * ended. A survey may be slow. It is given a small share of the time, and claims go on meanwhile.
 */
export class Scout {
  readonly #pool: ConnectionPool;
  readonly #providers: readonly string[];
  readonly #queues = new WaitingQueues();
  readonly #duty = new DutyCycle(
    () => this.#surveyAll(),
    (entriesRead) => entriesRead <= CHEAP_ENTRIES,
  );
  #surveying: Promise<number> | undefined;
  #surveyed = false;
  #surveyAfterTenant = '';
  /** Whether nothing was left at the places known when candidates were proposed last. */
  #exhausted = true;
  /** The place where the last look at arrivals ended. */
  #arrivedUpTo = EARLIEST;
  #endedSince: string | null = null;
  #surplus = 1;

  constructor(pool: ConnectionPool, providers: readonly string[]) {
    this.#pool = pool;
    this.#providers = providers;
  }

  /** When the first lease ended that the last survey found, if it found one. */
  get endedSince(): string | null {
    return this.#endedSince;
  }

  /** Whether a survey costs little, as long as old entries can be removed. */
  get surveysCheaply(): boolean {
    return this.#duty.cheap;
  }

  /**
   * Looks at what came, or surveys everything.
   *
   * @returns whether it surveyed everything
   */
  async look(): Promise<boolean> {
    if (!this.#surveyed || (this.#exhausted && this.#duty.cheap)) return await this.survey();
    if (this.#duty.sinceMs >= SURVEY_INTERVAL_MS && this.#duty.rested) {
      // If the database is away, the statements that follow fail, too.
      this.survey().catch(() => {});
    }
    await this.#lookAtArrivals();
    return false;
  }

  /**
   * Surveys everything, unless surveys have had their share of the time.
   *
   * @returns whether it did
   */
  async survey(): Promise<boolean> {
    if (this.#surveying === undefined && !this.#duty.rested) return false;
    this.#surveying ??= this.#duty.run().finally(() => {
      this.#surveying = undefined;
    });
    await this.#surveying;
    return true;
  }

  /**
   * The next deliveries to claim.
   *
   * @param abovePriority only those that are more urgent
   */
  async propose(
    wanted: number,
    inHand: readonly string[],
    abovePriority = Number.NEGATIVE_INFINITY,
  ): Promise<Proposal> {
    const limit = wanted * this.#surplus;
    const { queues, pages, more } = planReading(this.#queues.next(2 * limit, abovePriority), limit);
    const isEverything = abovePriority === Number.NEGATIVE_INFINITY;
    if (isEverything) this.#exhausted = queues.length === 0;
    if (queues.length === 0) return { candidates: [], queues, more: false };
    const rows = await this.#pool.query<Candidate>(
      'look for candidates',
      CANDIDATES,
      candidateParameters({ providers: this.#providers, queues, pages, inHand }),
    );
    const { candidates, complete } = inTurns(rows, pages, limit);
    this.#queues.walked(queues, candidates, complete);
    if (isEverything) this.#exhausted = complete && !more;
    return { candidates, queues, more: !complete || more };
  }

  /** Tells that the first `count` candidates were passed: `claimed` of them claimed, the others not to be had. */
  passed({ candidates, queues }: Proposal, count: number, claimed: number): void {
    this.#queues.passed(candidates.slice(0, count), queues);
    const crowded = count > 2 * claimed;
    this.#surplus = crowded ? Math.min(2 * this.#surplus, MAX_SURPLUS) : Math.max(this.#surplus / 2, 1);
  }

  /** Tells that no lease is left to take over of those that ended since then. */
  noneEnded(since: string | null): void {
    if (this.#endedSince === since) this.#endedSince = null;
  }

  /** Waits for a survey in progress. */
  async close(): Promise<void> {
    await this.#surveying?.catch(() => {});
  }

  /** @returns how many entries of the index it read */
  async #surveyAll(): Promise<number> {
    try {
      const rows = await this.#pool.query<SurveyRow>('survey the queues', SURVEY, [
        this.#providers,
        this.#surveyAfterTenant,
        MAX_SURVEYED_QUEUES,
      ]);
      const heads = rows.flatMap(({ priority, tenant, since, micros, id }) =>
        priority === null ? [] : [{ priority, tenant, since, micros, id }],
      );
      this.#queues.surveyed(heads);
      this.#surveyAfterTenant = heads.length < MAX_SURVEYED_QUEUES ? '' : (heads.at(-1)?.tenant ?? '');
      this.#endedSince = rows[0]?.endedSince ?? null;
      this.#startArrivalsAt(rows[0]);
      this.#surveyed = true;
      return rows[0]?.entriesRead ?? 0;
    } catch (error) {
      // It may need more time than a statement has. New deliveries are found without it.
      if (!(error instanceof OutboxUnavailableError && error.code === STATEMENT_TIMEOUT)) throw error;
      this.#surveyed = true;
      return Number.POSITIVE_INFINITY;
    }
  }

  /** What came earlier is surveyed; a clock that is behind by less is no trouble. */
  #startArrivalsAt(row: SurveyRow | undefined): void {
    if (row === undefined || row.atMicros <= this.#arrivedUpTo.micros) return;
    this.#arrivedUpTo = { since: row.at, micros: row.atMicros, id: '' };
  }

  async #lookAtArrivals(): Promise<void> {
    const { since, id } = this.#arrivedUpTo;
    const rows = await this.#pool.query<ArrivalRow>('look for arrivals', ARRIVALS, [
      this.#providers,
      since,
      id,
      MAX_ARRIVALS,
    ]);
    const [first] = rows;
    if (first === undefined) return;
    this.#queues.arrived(rows);
    if (first.nextMicros < this.#arrivedUpTo.micros) return;
    this.#arrivedUpTo = { since: first.nextSince, micros: first.nextMicros, id: first.nextId };
  }
}

const STATEMENT_TIMEOUT = '57014';

interface SurveyState {
  /** Ten seconds before the survey. */
  readonly at: string;
  readonly atMicros: number;
  readonly entriesRead: number;
  readonly endedSince: string | null;
}

type SurveyRow = SurveyState & (Waiting | { readonly [Column in keyof Waiting]: null });

interface ArrivalRow extends Waiting {
  readonly nextSince: string;
  readonly nextMicros: number;
  readonly nextId: string;
}

/** The parameters of `CANDIDATES`. */
export function candidateParameters({
  providers,
  queues,
  pages,
  inHand,
}: {
  readonly providers: readonly string[];
  readonly queues: readonly WaitingQueue[];
  readonly pages: readonly Page[];
  readonly inHand: readonly string[];
}): unknown[] {
  return [
    providers,
    pages.map(({ priority }) => priority),
    pages.map(({ ofQueue }) => ofQueue),
    pages.map(({ ofAll }) => ofAll),
    queues.map(({ priority }) => priority),
    queues.map(({ tenant }) => tenant),
    queues.map(({ since }) => since),
    queues.map(({ id }) => id),
    queues.map(({ passed }) => passed),
    inHand,
  ];
}
