/** From creation to SES. */
export interface Latencies {
  readonly mails: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A bin is two per cent wider than the one before. */
const RATIO = Math.log(1.02);

/** Times of millions of mails, to two per cent. */
export class LatencyHistogram {
  readonly #bins: number[] = [];
  #count = 0;
  #maxMs = 0;

  add(ms: number): void {
    const bin = Math.floor(Math.log(Math.max(ms, 1)) / RATIO);
    this.#bins[bin] = (this.#bins[bin] ?? 0) + 1;
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  summary(): Latencies {
    return { mails: this.#count, medianMs: this.#at(0.5), p99Ms: this.#at(0.99), maxMs: this.#maxMs };
  }

  /** The upper end of the bin of that share. */
  #at(share: number): number {
    let below = 0;
    for (const [bin, count = 0] of this.#bins.entries()) {
      below += count;
      if (below > 0 && below >= share * this.#count)
        return Math.min(Math.exp((bin + 1) * RATIO), this.#maxMs);
    }
    return 0;
  }
}
