/** What setTimeout can wait for; past it, it would not wait at all. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** An entry, and when it is due by `performance.now()`. */
interface Due<Entry> {
  readonly entry: Entry;
  readonly atMs: number;
}

/**
 * Hands out each entry when it is due. One timer serves them all: timers of their own would fire in an order that
 * changes from run to run where two are close.
 */
export class DueQueue<Entry> {
  readonly #handOut: (entry: Entry) => void;
  /** The next one first; of two at the same time, the one that was added first. */
  readonly #waiting: Due<Entry>[] = [];
  readonly #onEmpty = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(handOut: (entry: Entry) => void) {
    this.#handOut = handOut;
  }

  add(entry: Entry, atMs: number): void {
    const before = this.#waiting.findLastIndex((due) => due.atMs <= atMs);
    this.#waiting.splice(before + 1, 0, { entry, atMs });
    this.#arm();
  }

  /** Resolves when nothing waits any longer. */
  empty(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty.add(resolve);
    });
  }

  /** Drops what waits. */
  clear(): void {
    this.#waiting.length = 0;
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const [next] = this.#waiting;
    if (next !== undefined) {
      const waitMs = Math.min(Math.ceil(next.atMs - performance.now()), MAX_TIMER_MS);
      this.#timer = setTimeout(() => this.#handOutDue(), waitMs);
      return;
    }
    for (const resolve of this.#onEmpty) resolve();
    this.#onEmpty.clear();
  }

  #handOutDue(): void {
    const nowMs = performance.now();
    while (this.#waiting[0] !== undefined && this.#waiting[0].atMs <= nowMs) {
      const due = this.#waiting.shift();
      if (due !== undefined) this.#handOut(due.entry);
    }
    this.#arm();
  }
}
