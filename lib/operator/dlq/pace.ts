import { setTimeout as delay } from 'node:timers/promises';

/** Keeps work to a rate over time. */
export class Pace {
  readonly #perSecond: number;
  #nextAt = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** How many may be done in one go: no more than a second's worth, and no more than SQS takes in a batch. */
  get most(): number {
    return Math.min(10, Math.max(1, Math.floor(this.#perSecond)));
  }

  /** Ends early where the signal aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const waitMs = this.#nextAt - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {});
  }

  did(count: number): void {
    this.#nextAt = Math.max(this.#nextAt, performance.now()) + (count * 1000) / this.#perSecond;
  }
}
