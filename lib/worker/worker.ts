import { WakeSignal } from '../common/async.ts';
import { errorCode } from '../common/errors.ts';
import type { Failure } from '../domain/failure.ts';
import { loggedError } from '../domain/logged-error.ts';
import type { Outcome } from '../domain/outcome.ts';
import { type Backoff, backoffMs } from '../domain/retry.ts';
import type { Mailer } from '../mailer/mailer.ts';
import type {
  Claim,
  ClaimRequest,
  CompletedEvent,
  LeaseRoute,
  Outbox,
  WorkerObserver,
} from '../ports/outbox.ts';
import type { Clock, Log } from '../ports/runtime.ts';
import { attempt } from './attempt.ts';
import { CompletionWriter } from './completion-writer.ts';
import { Leases } from './leases.ts';
import { type AttemptFacts, type ClaimResult, retryCompletion, toCompletion } from './process-claim.ts';
import { type ClaimedFor, ReadyDeliveries } from './ready-deliveries.ts';

/** Tuning of a worker; times in milliseconds. */
export interface WorkerTuning {
  /** Other workers take over a claim that is not renewed for this long. */
  readonly leaseMs: number;
  /** How often to poll for new deliveries without a notification. */
  readonly pollIntervalMs: number;
  /** Mails in flight while SMTP is tried. */
  readonly concurrency: number;
  /** Mails in flight while they go straight to the queue. */
  readonly handOverConcurrency: number;
  /** The longest wait before retrying a mail that neither SMTP nor the queue accepted. */
  readonly retryMaxMs: number;
  /**
   * After its start, and after an outage of the outbox, a worker leaves leases that have ended to their owners for this
   * long: a worker that is alive renews them within it.
   */
  readonly takeOverDelayMs: number;
  /** A mail of this priority or a higher one is handed over as urgent. */
  readonly urgentPriority: number;
}

export interface WorkerDeps {
  readonly outbox: Outbox;
  readonly mailer: Mailer;
  readonly workerId: string;
  readonly tuning: WorkerTuning;
  readonly observer: WorkerObserver;
  readonly log: Log;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

export interface WorkerStatus {
  readonly draining: boolean;
  /** The last loop iteration. */
  readonly lastTurn: Date;
  /** Deliveries leased by this worker. */
  readonly leased: number;
  /** Since when no claim succeeds, and the code of the last error; undefined if claims succeed. */
  readonly claimsFail: { readonly since: Date; readonly code: string } | undefined;
}

/** A claim request without what is the same for all. */
type Wanted = Omit<ClaimRequest, 'leaseMs' | 'route'>;

const CLAIM_BACKOFF: Backoff = { firstMs: 100, longestMs: 10_000 };
const FIRST_RETRY_MS = 2_000;

/** Maximum per claim: after a crash, claimed mails that were not sent wait for their leases to end. */
const MAX_CLAIM = 100;

/** Claimed so that no connection waits while a claim is in progress: at least, and at most, for a fast server. */
const MIN_CLAIMED_AHEAD = 60;
const MAX_CLAIMED_AHEAD = 200;

/** So many times what was begun during the last claim. The more a claim brings, the less each of its mails costs. */
const CLAIMS_AHEAD = 8;

/** While writes to the outbox fail, sent but unwritten mails pile up to this many times those in flight. */
const MAX_BEGUN_PER_IN_FLIGHT = 10;

/** The most bytes of fetched mail in memory; composing and sending a mail takes several times its size. */
const MAX_FETCHED_BYTES = 24 * 1024 * 1024;

/** While no connection is free, how often to look for mail more urgent than what is claimed already. */
const URGENT_LOOK_INTERVAL_MS = 50;

/**
 * Claims deliveries from the outbox and completes each: by SMTP, by the queue, or requeued with a retry time.
 *
 *   queued ── claim ──▶ leased ── mailer ──▶ delivered | handed over | held | failed | queued again
 *                         │
 *                         └── worker crashes, lease ends ──▶ claimed by another worker, as `reclaimed` if SMTP may have it
 *
 * Any number of workers may share an outbox.
 */
export class OutboundWorker {
  readonly #deps: WorkerDeps;
  readonly #writer: CompletionWriter;
  readonly #wakeUp = new WakeSignal();
  readonly #stopping = new AbortController();
  /** Of what is claimed and not yet written. */
  readonly #leases: Leases;
  /** Claimed but not started, so that a free connection does not wait for the outbox. */
  readonly #ready = new ReadyDeliveries();
  readonly #sending = new Set<Promise<void>>();
  #begun = 0;
  #claimedAhead = MIN_CLAIMED_AHEAD;
  #loop: Promise<void> | undefined;
  #lastTurn: Date;
  /** Something may wait that is more urgent than what is claimed. */
  #arrived = false;
  #lookedAt = 0;
  #claimsFail: WorkerStatus['claimsFail'];

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
    this.#lastTurn = deps.clock.now();
    this.#writer = new CompletionWriter({
      ...deps,
      onWritten: (id) => {
        this.#leases.delete(id);
        this.#wakeUp.call();
      },
    });
    this.#leases = new Leases({
      ...deps,
      ...deps.tuning,
      onRenewed: (lost) => {
        this.#ready.remove(lost);
        // Those that waited for their renewal can begin.
        this.#startReady();
        this.#wakeUp.call();
      },
    });
  }

  get status(): WorkerStatus {
    return {
      draining: this.#stopping.signal.aborted,
      lastTurn: this.#lastTurn,
      leased: this.#leases.size,
      claimsFail: this.#claimsFail,
    };
  }

  /** Runs until `drain`, even if the outbox, SMTP or the queue fails. */
  start(): void {
    if (this.#loop !== undefined) throw new Error('the worker was started already');
    this.#deps.outbox.watch(() => {
      this.#arrived = true;
      this.#wakeUp.call();
    }, this.#stopping.signal);
    this.#leases.start();
    this.#loop = this.#claimUntilStopped();
  }

  /**
   * Claims and starts nothing more, releases what is not started, and finishes what is in flight. What is not finished
   * in time stays leased until its lease ends, and another worker takes over.
   *
   * @returns the number of unfinished deliveries
   */
  async drain(timeoutMs: number): Promise<number> {
    this.#stopping.abort();
    this.#wakeUp.call();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.#finish(), deadline]);
    clearTimeout(timer);
    this.#writer.giveUp();
    this.#leases.stop();
    const { size } = this.#leases;
    if (size > 0) this.#deps.log.error('drain-timed-out', { deliveries: size });
    return size;
  }

  async #finish(): Promise<void> {
    await this.#loop;
    await this.#releaseReady();
    await Promise.all(this.#sending);
    await this.#writer.flushed();
  }

  async #claimUntilStopped(): Promise<void> {
    const { pollIntervalMs } = this.#deps.tuning;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      this.#lastTurn = this.#deps.clock.now();
      const route: LeaseRoute = this.#deps.mailer.smtpState === 'open' ? 'queue' : 'smtp';
      const wanted = this.#wanted(route, failures);
      if (wanted === undefined) {
        const waitMs = this.#arrived ? Math.min(pollIntervalMs, URGENT_LOOK_INTERVAL_MS) : pollIntervalMs;
        await this.#wakeUp.wait(waitMs);
        // Without a notification, too, there may be something urgent.
        if (performance.now() - this.#lookedAt >= pollIntervalMs) this.#arrived = true;
        continue;
      }
      const begunBefore = this.#begun;
      const claims = await this.#claim({ ...wanted, route });
      const ahead = CLAIMS_AHEAD * (this.#begun - begunBefore);
      this.#claimedAhead = Math.min(Math.max(ahead, MIN_CLAIMED_AHEAD), MAX_CLAIMED_AHEAD);
      failures = claims === undefined ? failures + 1 : 0;
      this.#ready.add((claims ?? []).map((claim) => ({ claim, route })));
      this.#startReady();
      if (claims === undefined) {
        await this.#wakeUp.wait(backoffMs(CLAIM_BACKOFF, failures, this.#deps.random()));
      } else if (wanted.abovePriority === undefined && claims.length < wanted.limit) {
        await this.#wakeUp.wait(pollIntervalMs);
      }
    }
  }

  /** What to claim now; undefined if nothing. */
  #wanted(route: LeaseRoute, failures: number): Wanted | undefined {
    const { fetchedBytes, wantsLarge } = this.#ready;
    const begun = this.#leases.size - this.#ready.length;
    if (begun >= MAX_BEGUN_PER_IN_FLIGHT * this.#inFlightLimit(route)) return undefined;
    if (fetchedBytes >= MAX_FETCHED_BYTES) return undefined;
    const room = this.#room(route);
    const limit = room > 0 ? room : this.#inFlightLimit(route);
    const abovePriority = room > 0 ? undefined : this.#priorityToOvertake(route);
    if (room === 0 && abovePriority === undefined) return undefined;
    return {
      // A claim that fails may be too much for the outbox. The next ones claim fewer, and fetch no mail along with them.
      limit: Math.max(1, limit >> Math.min(2 * failures, 30)),
      maxBytes: failures > 0 ? 0 : MAX_FETCHED_BYTES - fetchedBytes,
      large: failures > 0 || wantsLarge,
      ...(abovePriority === undefined ? {} : { abovePriority }),
      takeOver: abovePriority === undefined && this.#leases.mayTakeOver,
    };
  }

  /**
   * How many to claim so that a free connection finds a mail. 0 until half of the ready mails are used up:
   * a claim is several statements, and one claim per mail would cost more than the mail.
   */
  #room(route: LeaseRoute): number {
    const limit = this.#inFlightLimit(route);
    const keptReady = Math.max(limit, this.#claimedAhead);
    const free = limit + keptReady - this.#sending.size - this.#ready.length;
    return free >= keptReady / 2 ? Math.min(free, MAX_CLAIM) : 0;
  }

  /** What must not wait until the claimed mails are used up: anything more urgent than those that are begun next. */
  #priorityToOvertake(route: LeaseRoute): number | undefined {
    if (!this.#arrived || performance.now() - this.#lookedAt < URGENT_LOOK_INTERVAL_MS) return undefined;
    this.#arrived = false;
    this.#lookedAt = performance.now();
    return this.#ready.priorityAt(this.#inFlightLimit(route));
  }

  #inFlightLimit(route: LeaseRoute): number {
    const { concurrency, handOverConcurrency } = this.#deps.tuning;
    return route === 'queue' ? handOverConcurrency : concurrency;
  }

  async #claim(request: Omit<ClaimRequest, 'leaseMs'>): Promise<Claim[] | undefined> {
    const { outbox, observer, log, tuning, clock } = this.#deps;
    const begun = performance.now();
    try {
      const claims = await outbox.claim({ ...request, leaseMs: tuning.leaseMs });
      for (const { id } of claims) this.#leases.add(id, begun);
      if (claims.length > 0) observer.claimed(claims.length);
      this.#claimsFail = undefined;
      return claims;
    } catch (error) {
      const code = errorCode(error);
      this.#claimsFail = { since: this.#claimsFail?.since ?? clock.now(), code };
      observer.outboxError(code);
      log.error('outbox-unavailable', { while: 'claiming', ...loggedError(error) });
      return undefined;
    }
  }

  /** Starts as many as may be in flight. A mail whose lease may have ended waits until the lease is renewed. */
  #startReady(): void {
    while (!this.#stopping.signal.aborted) {
      const next = this.#ready.take(
        (claimed) =>
          this.#sending.size < this.#inFlightLimit(claimed.route) && this.#leases.holds(claimed.claim.id),
      );
      if (next === undefined) return;
      this.#begun += 1;
      const sending = this.#process(next).finally(() => {
        this.#sending.delete(sending);
        this.#ready.finished(next.claim);
        this.#startReady();
        if (this.#room(next.route) > 0) this.#wakeUp.call();
      });
      this.#sending.add(sending);
    }
  }

  async #releaseReady(): Promise<void> {
    const ids = this.#ready.removeAll().map(({ claim }) => claim.id);
    if (ids.length === 0) return;
    try {
      await this.#deps.outbox.release(ids);
      for (const id of ids) this.#leases.delete(id);
    } catch (error) {
      this.#deps.log.error('outbox-unavailable', {
        while: 'releasing',
        ...loggedError(error),
        deliveries: ids.length,
      });
    }
  }

  async #process({ claim, route }: ClaimedFor): Promise<void> {
    const { clock, log, observer, random, tuning, workerId } = this.#deps;
    const at = clock.now();
    const retry: Backoff = { firstMs: FIRST_RETRY_MS, longestMs: tuning.retryMaxMs };
    const facts = (): AttemptFacts => ({
      at,
      durationMs: clock.now().getTime() - at.getTime(),
      worker: workerId,
      retryAfterMs: backoffMs(retry, claim.attempts, random()),
    });
    try {
      const result = await attempt(claim, route, this.#deps);
      if (result.kind === 'not-read') {
        this.#writer.add(retryCompletion(claim, `the mail could not be read: ${result.code}`, facts()));
        return;
      }
      this.#writer.add(toCompletion(claim, result, facts()));
      observer.completed(toCompletedEvent(claim, result.outcome, facts().durationMs));
    } catch (error) {
      // The mailer does not throw for server or mail errors; any other error must not lose the mail.
      log.error('send-failed-unexpectedly', { deliveryId: claim.id, code: errorCode(error) });
      this.#writer.add(retryCompletion(claim, `unexpected: ${errorCode(error)}`, facts()));
    }
  }
}

function toCompletedEvent(claim: Claim, outcome: ClaimResult['outcome'], handledMs: number): CompletedEvent {
  if (outcome.kind === 'in-ses') return { outcome: 'handed-over', waitedMs: claim.waitedMs, handledMs };
  const failureClass = failureClassOf(outcome);
  return {
    outcome: outcome.kind,
    waitedMs: claim.waitedMs,
    handledMs,
    ...(failureClass === undefined ? {} : { failureClass }),
    ...(outcome.kind === 'refused' ? { reason: outcome.reason } : {}),
  };
}

function failureClassOf(outcome: Outcome): Failure['class'] | undefined {
  switch (outcome.kind) {
    case 'handed-over':
    case 'split':
      return outcome.handOver.failure.class;
    case 'held':
      return outcome.failure.class;
    case 'not-accepted':
      return outcome.smtp.class;
    case 'taken':
    case 'refused':
      return undefined;
  }
}
