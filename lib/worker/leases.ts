import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../common/errors.ts';
import { loggedError } from '../domain/logged-error.ts';
import type { Outbox, WorkerObserver } from '../ports/outbox.ts';
import type { Log } from '../ports/runtime.ts';

/** Renewals per lease duration, so that one renewal may fail. */
const RENEWALS_PER_LEASE = 3;

/** After a failed renewal: well within `takeOverDelayMs`, so that a worker that is alive keeps its leases. */
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
 * While the outbox is down no worker can renew, and the leases of all workers end although all are alive. So after an
 * outage every worker first renews its own, and takes over none of the others' until it has seen the outbox available for
 * `takeOverDelayMs`: by then every worker that is alive has renewed. A worker that has just started does not know what
 * happened before, and waits as long. The clock is `performance.now()`, which setting the system's time does not move.
 */
export class Leases {
  readonly #deps: LeasesDeps;
  /** Until when each lease certainly belongs to this worker. */
  readonly #leasedUntil = new Map<string, number>();
  readonly #stopped = new AbortController();
  /** Undefined from a failed renewal to the next successful one. */
  #availableSince: number | undefined = performance.now();

  constructor(deps: LeasesDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#leasedUntil.size;
  }

  /** @param claimedAt `performance.now()` before the claim was sent */
  add(id: string, claimedAt: number): void {
    this.#leasedUntil.set(id, claimedAt + this.#deps.leaseMs);
  }

  delete(id: string): void {
    this.#leasedUntil.delete(id);
  }

  /** False if the lease may have ended: another worker may have the delivery. */
  holds(id: string): boolean {
    return performance.now() < (this.#leasedUntil.get(id) ?? 0);
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

  /** What was completed during the renewal is not held any more. */
  #holdUntil(id: string, until: number): void {
    if (this.#leasedUntil.has(id)) this.#leasedUntil.set(id, until);
  }

  async #renew(): Promise<boolean> {
    const { outbox, observer, log, leaseMs, onRenewed } = this.#deps;
    const ids = [...this.#leasedUntil.keys()];
    const begun = performance.now();
    try {
      const { renewed, lost } = await outbox.renew(ids, leaseMs);
      for (const id of renewed) this.#holdUntil(id, begun + leaseMs);
      for (const id of lost) this.#holdUntil(id, 0);
      this.#availableSince ??= performance.now();
      onRenewed(lost);
      return true;
    } catch (error) {
      this.#availableSince = undefined;
      observer.outboxError(errorCode(error));
      log.error('outbox-unavailable', { while: 'renewing', ...loggedError(error) });
      return false;
    }
  }
}
