import { setTimeout as delay } from 'node:timers/promises';

/**
 * The result of a promise within a time limit. For calls that cannot be aborted: they keep running, and a
 * late failure is ignored.
 */
export type TimeLimited<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'too-late' };

/** @param signal ends the wait early with `too-late` */
export async function withTimeout<T>(
  call: Promise<T>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<TimeLimited<T>> {
  const giveUp = new AbortController();
  const either = signal === undefined ? giveUp.signal : AbortSignal.any([giveUp.signal, signal]);
  const outcome = call.then(
    (value): TimeLimited<T> => ({ kind: 'done', value }),
    (error: unknown): TimeLimited<T> => ({ kind: 'failed', error }),
  );
  const tooLate: TimeLimited<T> = { kind: 'too-late' };
  const timer = delay(timeoutMs, tooLate, { signal: either }).catch(() => tooLate);
  try {
    return await Promise.race([outcome, timer]);
  } finally {
    giveUp.abort();
  }
}

/** A promise that is settled from outside: `Promise.withResolvers`, which Node 20 does not have. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/**
 * Concurrent callers share one call: otherwise each would block another connection to a database that hangs.
 */
export function singleFlight<T>(call: () => Promise<T>): () => Promise<T> {
  let inProgress: Promise<T> | undefined;
  return () => {
    // Starts a tick later, so that a call that throws synchronously is cleared after it is stored.
    inProgress ??= Promise.resolve()
      .then(call)
      .finally(() => {
        inProgress = undefined;
      });
    return inProgress;
  };
}

/** Starts work while the weights of all that runs stay within a limit; first come, first served. */
export class WeightLimit {
  readonly #limit: number;
  #used = 0;
  readonly #waiting: { readonly weight: number; readonly start: () => void }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param weight what exceeds the limit runs alone */
  async run<T>(weight: number, work: () => Promise<T>): Promise<T> {
    const counted = Math.min(weight, this.#limit);
    if (this.#waiting.length > 0 || this.#used + counted > this.#limit) {
      await new Promise<void>((start) => this.#waiting.push({ weight: counted, start }));
    } else {
      this.#used += counted;
    }
    try {
      return await work();
    } finally {
      this.#used -= counted;
      this.#startWaiting();
    }
  }

  #startWaiting(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || this.#used + next.weight > this.#limit) return;
      this.#waiting.shift();
      this.#used += next.weight;
      next.start();
    }
  }
}

/** Lets a loop sleep until there is work. Remembers a call made during work. */
export class WakeSignal {
  #called = false;
  #wake: (() => void) | undefined;

  call(): void {
    this.#called = true;
    this.#wake?.();
  }

  /** Resolves at the next call, at once if there was one since the last wait, or after `timeoutMs`. */
  async wait(timeoutMs: number): Promise<void> {
    if (!this.#called) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#called = false;
    this.#wake = undefined;
  }
}

/**
 * Waits for the call, but no longer than the signal allows, even if the call ignores it.
 *
 * @throws the signal's reason; what the call throws
 */
export async function untilAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([call, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
