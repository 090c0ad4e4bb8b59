/** A costly statement takes at most a twentieth of the time. */
const REST_PER_WORK = 20;

/**
 * Bounds the share of the time that a statement takes whose cost depends on what other sessions do. While it is
 * cheap, it may run at any time.
 */
export class DutyCycle<Result> {
  readonly #statement: () => Promise<Result>;
  readonly #isCheap: (result: Result, ms: number) => boolean;
  #cheap = true;
  #lastMs = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  /** @param isCheap whether one with this result, which took so long, was cheap */
  constructor(statement: () => Promise<Result>, isCheap: (result: Result, ms: number) => boolean) {
    this.#statement = statement;
    this.#isCheap = isCheap;
  }

  /** Whether it was cheap the last time. */
  get cheap(): boolean {
    return this.#cheap;
  }

  /** Whether it may run now. */
  get rested(): boolean {
    return this.#cheap || this.sinceMs >= REST_PER_WORK * this.#lastMs;
  }

  /** Milliseconds since it ended last. */
  get sinceMs(): number {
    return performance.now() - this.#endedAt;
  }

  /** Runs it, and notes what it cost unless it fails: that says nothing about its cost. */
  async run(): Promise<Result> {
    const startedAt = performance.now();
    const result = await this.#statement();
    this.#endedAt = performance.now();
    this.#lastMs = this.#endedAt - startedAt;
    this.#cheap = this.#isCheap(result, this.#lastMs);
    return result;
  }
}
