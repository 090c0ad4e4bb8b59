import { WakeSignal } from '../common/async.ts';
import { errorCode } from '../common/errors.ts';
import { addressKey } from '../domain/address.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import { loggedError } from '../domain/logged-error.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { type Backoff, backoffMs } from '../domain/retry.ts';
import type { ComposeResult } from '../mailer/compose-delivery.ts';
import type { Mailer } from '../mailer/mailer.ts';
import type { Claim, CompletedEvent, LeaseRoute, Outbox, WorkerObserver } from '../ports/outbox.ts';
import type { Clock, Log } from '../ports/runtime.ts';
import { CompletionWriter } from './completion-writer.ts';
import {
  type AttemptFacts,
  type ClaimResult,
  IN_SES,
  toCompletion,
  toMail,
  unexpectedCompletion,
} from './process-claim.ts';

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
}

/** A claim and the route recorded in its lease. */
interface ClaimedFor {
  readonly claim: Claim;
  readonly route: LeaseRoute;
}

/** No mail expires before it, and it has an ISO 8601 form. */
const LAST_MOMENT = new Date(Date.UTC(9999, 11, 31));

const CLAIM_BACKOFF: Backoff = { firstMs: 100, longestMs: 10_000 };
const FIRST_RETRY_MS = 2_000;

/** Renewals per lease duration, so that one renewal may fail. */
const RENEWALS_PER_LEASE = 3;

/** Maximum per claim: after a crash, claimed mails that were not sent wait for their leases to end. */
const MAX_CLAIM = 100;

/** As many as fast connections send while a claim is in progress. */
const MIN_CLAIMED_AHEAD = 60;

const MAX_LEASED_PER_IN_FLIGHT = 10;

/**
 * Claims deliveries from the outbox and completes each: by SMTP, by the queue, or requeued with a retry time.
 *
 *   queued ── claim ──▶ leased ── mailer ──▶ delivered | handed over | held | failed | queued again
 *                         │
 *                         └── worker crashes, lease ends ──▶ claimed by another worker, as `reclaimed`
 *
 * Any number of workers may share an outbox.
 */
export class OutboundWorker {
  readonly #deps: WorkerDeps;
  readonly #writer: CompletionWriter;
  readonly #wakeUp = new WakeSignal();
  readonly #stopping = new AbortController();
  /** Claimed and not yet written: their leases are renewed. */
  readonly #leased = new Set<string>();
  /** Claimed but not started, so that a free connection does not wait for the outbox. */
  #ready: ClaimedFor[] = [];
  readonly #sending = new Set<Promise<void>>();
  #loop: Promise<void> | undefined;
  #renewals: NodeJS.Timeout | undefined;
  #lastTurn: Date;

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
    this.#lastTurn = deps.clock.now();
    this.#writer = new CompletionWriter({
      ...deps,
      onWritten: (id) => {
        this.#leased.delete(id);
        this.#wakeUp.call();
      },
    });
  }

  get status(): WorkerStatus {
    return {
      draining: this.#stopping.signal.aborted,
      lastTurn: this.#lastTurn,
      leased: this.#leased.size,
    };
  }

  /** Runs until `drain`, even if the outbox, SMTP or the queue fails. */
  start(): void {
    if (this.#loop !== undefined) throw new Error('the worker was started already');
    const { outbox, tuning } = this.#deps;
    outbox.watch(() => this.#wakeUp.call(), this.#stopping.signal);
    this.#renewals = setInterval(() => void this.#renew(), tuning.leaseMs / RENEWALS_PER_LEASE);
    this.#loop = this.#claimUntilStopped();
  }

  /**
   * Claims nothing more, releases what is not started, and finishes what is in flight. What is not finished
   * in time stays leased until its lease ends, and another worker takes over.
   *
   * @returns the number of unfinished deliveries
   */
  async drain(timeoutMs: number): Promise<number> {
    this.#stopping.abort();
    this.#wakeUp.call();
    await this.#loop;
    await this.#releaseReady();
    const finished = Promise.all(this.#sending).then(() => this.#writer.flushed());
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([finished, deadline]);
    clearTimeout(timer);
    this.#writer.giveUp();
    clearInterval(this.#renewals);
    if (this.#leased.size > 0) this.#deps.log.error('drain-timed-out', { deliveries: this.#leased.size });
    return this.#leased.size;
  }

  async #claimUntilStopped(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      this.#lastTurn = this.#deps.clock.now();
      const route: LeaseRoute = this.#deps.mailer.smtpState === 'open' ? 'queue' : 'smtp';
      const room = this.#room(route);
      if (room === 0) {
        await this.#wakeUp.wait(this.#deps.tuning.pollIntervalMs);
        continue;
      }
      const claims = await this.#claim(room, route);
      failures = claims === undefined ? failures + 1 : 0;
      for (const claim of claims ?? []) this.#enqueue({ claim, route });
      this.#startReady();
      if (claims === undefined)
        await this.#wakeUp.wait(backoffMs(CLAIM_BACKOFF, failures, this.#deps.random()));
      else if (claims.length < room) await this.#wakeUp.wait(this.#deps.tuning.pollIntervalMs);
    }
  }

  /**
   * How many to claim so that a free connection finds a mail. 0 until half of the ready mails are used up:
   * each claim is a statement, and one per mail would cost more than the mail.
   */
  #room(route: LeaseRoute): number {
    const limit = this.#inFlightLimit(route);
    // While writes to the outbox fail, limit how many sent but unwritten mails pile up.
    if (this.#leased.size >= MAX_LEASED_PER_IN_FLIGHT * limit) return 0;
    const keptReady = Math.max(limit, MIN_CLAIMED_AHEAD);
    const free = limit + keptReady - this.#sending.size - this.#ready.length;
    return free >= keptReady / 2 ? Math.min(free, MAX_CLAIM) : 0;
  }

  #inFlightLimit(route: LeaseRoute): number {
    const { concurrency, handOverConcurrency } = this.#deps.tuning;
    return route === 'queue' ? handOverConcurrency : concurrency;
  }

  async #claim(limit: number, route: LeaseRoute): Promise<Claim[] | undefined> {
    const { outbox, observer, log, tuning } = this.#deps;
    try {
      const claims = await outbox.claim({ limit, leaseMs: tuning.leaseMs, route });
      if (claims.length > 0) observer.claimed(claims.length);
      return claims;
    } catch (error) {
      observer.outboxError(errorCode(error));
      log.error('outbox-unavailable', { while: 'claiming', ...loggedError(error) });
      return undefined;
    }
  }

  #enqueue(claimed: ClaimedFor): void {
    this.#leased.add(claimed.claim.id);
    this.#ready.push(claimed);
  }

  /** Starts as many as may be in flight. */
  #startReady(): void {
    for (;;) {
      const next = this.#ready[0];
      if (next === undefined || this.#sending.size >= this.#inFlightLimit(next.route)) return;
      this.#ready.shift();
      const sending = this.#process(next).finally(() => {
        this.#sending.delete(sending);
        this.#startReady();
        if (this.#room(next.route) > 0) this.#wakeUp.call();
      });
      this.#sending.add(sending);
    }
  }

  async #releaseReady(): Promise<void> {
    const ids = this.#ready.map(({ claim }) => claim.id);
    this.#ready = [];
    if (ids.length === 0) return;
    try {
      await this.#deps.outbox.release(ids);
      for (const id of ids) this.#leased.delete(id);
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
      const result = await this.#send(claim, route);
      this.#writer.add(toCompletion(claim, result, facts()));
      observer.completed(toCompletedEvent(claim, result.outcome, facts().durationMs));
    } catch (error) {
      // The mailer does not throw for server or mail errors; any other error must not lose the mail.
      log.error('send-failed-unexpectedly', { deliveryId: claim.id, code: errorCode(error) });
      this.#writer.add(unexpectedCompletion(claim, errorCode(error), facts()));
    }
  }

  async #send(claim: Claim, route: LeaseRoute): Promise<ClaimResult> {
    const composed = await this.#compose(claim);
    if (composed.kind === 'refused') return { outcome: composed };
    const owed = narrowToOwed(composed.delivery, claim);
    const delivery = excludeInSes(owed, claim);
    if (delivery.to.length === 0 && owed.to.length > 0) return { outcome: IN_SES };
    return { outcome: await this.#sendBy(route, delivery, claim), owed: owed.to };
  }

  async #sendBy(route: LeaseRoute, delivery: Delivery, claim: Claim): Promise<Outcome> {
    const { mailer, clock } = this.#deps;
    if (claim.reclaimed) return mailer.handOver(delivery, leaseEnded(clock.now()));
    // The lease says "queue": if this worker crashes, the lease proves that SMTP was never tried.
    if (route === 'queue') return mailer.handOver(delivery);
    return mailer.deliver(delivery);
  }

  /**
   * The row holds everything the mail is composed from, so a compose error is permanent. An expired mail is
   * composed too and refused at sending: SES may have it, and only the mail names its recipients.
   */
  async #compose(claim: Claim): Promise<ComposeResult> {
    if (claim.mail.kind === 'unreadable') return refused(claim, claim.mail.detail);
    try {
      const { expiresAt } = claim;
      const mail = toMail({ ...claim, expiresAt: LAST_MOMENT }, claim.mail.fields);
      const composed = await this.#deps.mailer.compose(mail);
      return composed.kind === 'refused'
        ? composed
        : { ...composed, delivery: { ...composed.delivery, expiresAt } };
    } catch (error) {
      this.#deps.log.error('compose-failed', { deliveryId: claim.id, code: errorCode(error) });
      return refused(claim, `composing it failed: ${errorCode(error)}`);
    }
  }

  async #renew(): Promise<void> {
    const { outbox, observer, log, tuning } = this.#deps;
    if (this.#leased.size === 0) return;
    try {
      await outbox.renew([...this.#leased], tuning.leaseMs);
    } catch (error) {
      observer.outboxError(errorCode(error));
      log.error('outbox-unavailable', { while: 'renewing', ...loggedError(error) });
    }
  }
}

function refused({ id }: Claim, detail: string): Refused {
  return { kind: 'refused', id, reason: 'invalid', detail };
}

function narrowToOwed(delivery: Delivery, { owed }: Claim): Delivery {
  return owed === undefined ? delivery : { ...delivery, to: owed };
}

function excludeInSes(delivery: Delivery, { inSes = [] }: Claim): Delivery {
  if (inSes.length === 0) return delivery;
  const known = new Set(inSes);
  return { ...delivery, to: delivery.to.filter((address) => !known.has(addressKey(address))) };
}

/** The previous worker is gone; it is unknown whether SMTP accepted the mail from it. */
function leaseEnded(at: Date): Failure {
  return { class: 'unknown', phase: 'data', code: 'LEASE_ENDED', at: at.toISOString() };
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
