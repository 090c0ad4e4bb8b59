import { singleFlight } from '../common/async.ts';
import type { Clock } from '../ports/runtime.ts';

/** A place that does not answer for so long has failed. */
const READ_TIMEOUT_MS = 30_000;

/** What was read last. All open pages share one reading. */
export class Latest<Value> {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #readNow: () => Promise<Value>;
  #last: { readonly value: Value; readonly at: number } | undefined;

  /** @param maxAgeMs a younger one is shown as it is */
  constructor(read: (signal: AbortSignal) => Promise<Value>, clock: Clock, maxAgeMs: number) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
    this.#readNow = singleFlight(async () => {
      const value = await read(AbortSignal.timeout(READ_TIMEOUT_MS));
      this.#last = { value, at: clock.now().getTime() };
      return value;
    });
  }

  /** Reads if what is known is too old. A reader that leaves does not stop it: others wait for the same. */
  async read(): Promise<Value> {
    const last = this.#last;
    if (last !== undefined && this.#clock.now().getTime() - last.at < this.#maxAgeMs) return last.value;
    return this.#readNow();
  }

  /** The next look reads again. */
  forget(): void {
    this.#last = undefined;
  }
}
