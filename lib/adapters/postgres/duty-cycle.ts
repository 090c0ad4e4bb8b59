/** A statement that takes no longer than this costs less than it would to do without. */
const CHEAP_MS = 20;

/** A costly statement takes at most a twentieth of the time. */
const REST_PER_WORK = 20;

/**
 * Bounds the share of the time that a statement takes whose cost depends on what other sessions do. While it is
 * cheap, it may run at any time.
 */
export class DutyCycle {
  /** The shorter one counts: one that had to wait for a connection or the processor says nothing. */
  #lastTwoMs: readonly [number, number] = [0, 0];
  #endedAt = Number.NEGATIVE_INFINITY;

  get cheap(): boolean {
    return this.#costMs <= CHEAP_MS;
  }

  /** Whether it may run now. */
  get rested(): boolean {
    return this.cheap || this.sinceMs >= REST_PER_WORK * this.#costMs;
  }

  /** Milliseconds since it ended last. */
  get sinceMs(): number {
    return performance.now() - this.#endedAt;
  }

  /** Runs it, and notes what it took unless it fails: that may say nothing about its cost. */
  async run<Result>(statement: () => Promise<Result>): Promise<Result> {
    const startedAt = performance.now();
    const result = await statement();
    this.#endedAt = performance.now();
    this.#lastTwoMs = [this.#lastTwoMs[1], this.#endedAt - startedAt];
    return result;
  }

  get #costMs(): number {
    return Math.min(...this.#lastTwoMs);
  }
}
