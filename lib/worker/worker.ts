import { WakeSignal } from '../common/async.ts';
import { errorCode } from '../common/errors.ts';
import { addressKey } from '../domain/address.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
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

/** How a worker works; times in milliseconds. */
export interface WorkerTuning {
  /** A claim that is not renewed for this long is taken over by others. */
  readonly leaseMs: number;
  /** How often to look for new deliveries where nobody calls. */
  readonly pollIntervalMs: number;
  /** Mails in flight while SMTP is tried. */
  readonly concurrency: number;
  /** Mails in flight while they go straight to the queue. */
  readonly handOverConcurrency: number;
  /** The longest wait before a mail that neither way took is tried again. */
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
  /** When the loop last came round. */
  readonly lastTurn: Date;
  /** Deliveries whose leases are held. */
  readonly leased: number;
}

/** A claim, and the way that its lease says it takes. */
interface ClaimedFor {
  readonly claim: Claim;
  readonly route: LeaseRoute;
}

/** No mail has expired by then, and it has an ISO 8601 form. */
const LAST_MOMENT = new Date(Date.UTC(9999, 11, 31));

const CLAIM_BACKOFF: Backoff = { firstMs: 100, longestMs: 10_000 };
const FIRST_RETRY_MS = 2_000;

/** A lease is renewed this often in its time, so that one renewal may fail. */
const RENEWALS_PER_LEASE = 3;

/** The most to claim at once: what is claimed and not sent waits again after a crash. */
const MAX_CLAIM = 100;

/** As many as fast connections use up while a claim is under way. */
const MIN_CLAIMED_AHEAD = 60;

const MAX_LEASED_PER_IN_FLIGHT = 10;

/**
 * Takes deliveries out of the outbox and sees each one out: by SMTP, to the queue, or back with a time to try again.
 *
 *   queued ── claim ──▶ leased ── mailer ──▶ delivered | handed over | held | failed | queued again
 *                         │
 *                         └── the worker dies, the lease ends ──▶ claimed by another, as `reclaimed`
 *
 * Any number of workers may share an outbox.
 */
export class OutboundWorker {
  readonly #deps: WorkerDeps;
  readonly #writer: CompletionWriter;
  readonly #wakeUp = new WakeSignal();
  readonly #stopping = new AbortController();
  /** Claimed, and not yet written: their leases are renewed. */
  readonly #leased = new Set<string>();
  /** Claimed and not begun, so that a connection that comes free need not wait for the outbox. */
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

  /** Starts to work. It goes on until `drain`, whatever the outbox, SMTP and the queue do meanwhile. */
  start(): void {
    if (this.#loop !== undefined) throw new Error('the worker was started already');
    const { outbox, tuning } = this.#deps;
    outbox.watch(() => this.#wakeUp.call(), this.#stopping.signal);
    this.#renewals = setInterval(() => void this.#renew(), tuning.leaseMs / RENEWALS_PER_LEASE);
    this.#loop = this.#claimUntilStopped();
  }

  /**
   * Claims nothing more, gives back what is not begun, and finishes what is in flight. What is not finished by then
   * stays leased until its lease ends, and another worker takes over.
   *
   * @returns how many deliveries were left
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
      for (const claim of claims ?? []) this.#take({ claim, route });
      this.#begin();
      if (claims === undefined)
        await this.#wakeUp.wait(backoffMs(CLAIM_BACKOFF, failures, this.#deps.random()));
      else if (claims.length < room) await this.#wakeUp.wait(this.#deps.tuning.pollIntervalMs);
    }
  }

  /**
   * How many to claim, so that a connection that comes free finds a mail. None until a good part of what is kept
   * ready is used up: each claim is a statement, and one for every mail would cost more than the mail.
   */
  #room(route: LeaseRoute): number {
    const limit = this.#inFlightLimit(route);
    // While the outbox cannot be written, what is sent and not written must not pile up without end.
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
      log.error('outbox-unavailable', { while: 'claiming', code: errorCode(error) });
      return undefined;
    }
  }

  #take(claimed: ClaimedFor): void {
    this.#leased.add(claimed.claim.id);
    this.#ready.push(claimed);
  }

  /** Begins as many as may be in flight. */
  #begin(): void {
    for (;;) {
      const next = this.#ready[0];
      if (next === undefined || this.#sending.size >= this.#inFlightLimit(next.route)) return;
      this.#ready.shift();
      const sending = this.#seeOut(next).finally(() => {
        this.#sending.delete(sending);
        this.#begin();
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
        code: errorCode(error),
        deliveries: ids.length,
      });
    }
  }

  async #seeOut({ claim, route }: ClaimedFor): Promise<void> {
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
      const seen = await this.#send(claim, route);
      this.#writer.add(toCompletion(claim, seen, facts()));
      observer.completed(settledEvent(claim, seen.outcome, facts().durationMs));
    } catch (error) {
      // The mailer does not throw for what a server or a mail does; whatever this is, the mail must not be lost by it.
      log.error('send-failed-unexpectedly', { deliveryId: claim.id, code: errorCode(error) });
      this.#writer.add(unexpectedCompletion(claim, errorCode(error), facts()));
    }
  }

  async #send(claim: Claim, route: LeaseRoute): Promise<ClaimResult> {
    const composed = await this.#compose(claim);
    if (composed.kind === 'refused') return { outcome: composed };
    const owed = narrowed(composed.delivery, claim);
    const delivery = withoutThoseInSes(owed, claim);
    if (delivery.to.length === 0 && owed.to.length > 0) return { outcome: IN_SES };
    return { outcome: await this.#sendBy(route, delivery, claim), owed: owed.to };
  }

  async #sendBy(route: LeaseRoute, delivery: Delivery, claim: Claim): Promise<Outcome> {
    const { mailer, clock } = this.#deps;
    if (claim.reclaimed) return mailer.handOver(delivery, leaseEnded(clock.now()));
    // The lease says "queue": should this worker die, nobody shall have to fear that SMTP has the mail.
    if (route === 'queue') return mailer.handOver(delivery);
    return mailer.deliver(delivery);
  }

  /**
   * All that a stored mail is made of is in the row, so what cannot be composed now never can. One that has expired
   * is composed as well, and refused when it is to be sent: SES may have it, and only the mail tells for whom it is.
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
      log.error('outbox-unavailable', { while: 'renewing', code: errorCode(error) });
    }
  }
}

function refused({ id }: Claim, detail: string): Refused {
  return { kind: 'refused', id, reason: 'invalid', detail };
}

function narrowed(delivery: Delivery, { owed }: Claim): Delivery {
  return owed === undefined ? delivery : { ...delivery, to: owed };
}

function withoutThoseInSes(delivery: Delivery, { inSes = [] }: Claim): Delivery {
  if (inSes.length === 0) return delivery;
  const known = new Set(inSes);
  return { ...delivery, to: delivery.to.filter((address) => !known.has(addressKey(address))) };
}

/** The worker that had it is gone, and whether SMTP took the mail from it nobody can say. */
function leaseEnded(at: Date): Failure {
  return { class: 'unknown', phase: 'data', code: 'LEASE_ENDED', at: at.toISOString() };
}

function settledEvent(claim: Claim, outcome: ClaimResult['outcome'], handledMs: number): CompletedEvent {
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
