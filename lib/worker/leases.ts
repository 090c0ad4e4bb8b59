import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../common/errors.ts';
import { loggedError } from '../domain/logged-error.ts';
import type { Outbox, WorkerObserver } from '../ports/outbox.ts';
import type { Log } from '../ports/runtime.ts';

/** Renewals per lease duration, so that one renewal may fail. */
const RENEWALS_PER_LEASE = 3;

/** After a failure: whoever renews first after an outage keeps its leases. */
const RETRY_MS = 1_000;

export interface LeasesDeps {
  readonly outbox: Outbox;
  readonly observer: WorkerObserver;
  readonly log: Log;
  readonly leaseMs: number;
  readonly takeOverDelayMs: number;
  /** The leases were renewed, except those that the worker has lost. */
  readonly onRenewed: (lost: readonly string[]) => void;
}

/**
 * The leases of one worker's claims.
 *
 * While the outbox is down nobody can renew, and the leases of all workers end although all are alive. So after an
 * outage every worker first renews its own, and takes over none of others' until it has seen the outbox available for
 * `takeOverDelayMs`: by then every worker that is alive has renewed. A worker that has just started does not know what was
 * before, and waits as long. Time is measured by a clock that nobody sets.
 */
export class Leases {
  readonly #deps: LeasesDeps;
  /** Until when each lease certainly belongs to this worker. */
  readonly #heldUntil = new Map<string, number>();
  readonly #stopped = new AbortController();
  /** Undefined from a failed renewal to the next successful one. */
  #availableSince: number | undefined = performance.now();

  constructor(deps: LeasesDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#heldUntil.size;
  }

  /** @param claimedAt `performance.now()` before the claim was sent */
  add(id: string, claimedAt: number): void {
    this.#heldUntil.set(id, claimedAt + this.#deps.leaseMs);
  }

  delete(id: string): void {
    this.#heldUntil.delete(id);
  }

  /** False if the lease may have ended: another worker may have the delivery. */
  holds(id: string): boolean {
    return performance.now() < (this.#heldUntil.get(id) ?? 0);
  }

  /** Whether a lease that has ended belongs to a worker that has had the chance to renew it. */
  get mayTakeOver(): boolean {
    return (
      this.#availableSince !== undefined &&
      performance.now() - this.#availableSince >= this.#deps.takeOverDelayMs
    );
  }

  /** Renews until `stop`. */
  start(): void {
    void this.#renewUntilStopped();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #renewUntilStopped(): Promise<void> {
    const { leaseMs } = this.#deps;
    const { signal } = this.#stopped;
    const intervalMs = leaseMs / RENEWALS_PER_LEASE;
    let waitMs = intervalMs;
    while (!signal.aborted) {
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      waitMs = (await this.#renew()) ? intervalMs : Math.min(intervalMs, RETRY_MS);
    }
  }

  async #renew(): Promise<boolean> {
    const { outbox, observer, log, leaseMs, onRenewed } = this.#deps;
    const ids = [...this.#heldUntil.keys()];
    const begun = performance.now();
    try {
      const lost = new Set(await outbox.renew(ids, leaseMs));
      // What was completed meanwhile is not held any more.
      for (const id of ids) {
        if (this.#heldUntil.has(id)) this.#heldUntil.set(id, lost.has(id) ? 0 : begun + leaseMs);
      }
      this.#availableSince ??= performance.now();
      onRenewed([...lost]);
      return true;
    } catch (error) {
      this.#availableSince = undefined;
      observer.outboxError(errorCode(error));
      log.error('outbox-unavailable', { while: 'renewing', ...loggedError(error) });
      return false;
    }
  }
}
