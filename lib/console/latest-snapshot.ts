import { singleFlight } from '../common/async.ts';
import type { Clock } from '../ports/runtime.ts';
import type { OverviewReader, OverviewSnapshot } from './sources/overview.ts';

/** Several open pages share one reading of all places. */
export class LatestSnapshot {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #readAll: () => Promise<OverviewSnapshot>;
  #last: OverviewSnapshot | undefined;

  /** @param maxAgeMs a younger one is shown as it is */
  constructor(reader: OverviewReader, clock: Clock, maxAgeMs: number) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
    this.#readAll = singleFlight(async () => {
      this.#last = await reader.read(AbortSignal.timeout(READ_TIMEOUT_MS));
      return this.#last;
    });
  }

  async read(signal: AbortSignal): Promise<OverviewSnapshot> {
    signal.throwIfAborted();
    const now = this.#clock.now().getTime();
    if (this.#last !== undefined && now - this.#last.at.getTime() < this.#maxAgeMs * 0.9) return this.#last;
    return this.#readAll();
  }
}

/** A place that does not answer for so long is said to be missing. */
const READ_TIMEOUT_MS = 15_000;
