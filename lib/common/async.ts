import { setTimeout as delay } from 'node:timers/promises';

/**
 * What a promise comes to within a time. What takes longer is left to itself: it is for calls that cannot be
 * aborted, and a late failure of theirs is nobody's any more.
 */
export type TimeLimited<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'too-late' };

/** @param signal ends the wait before its time, and it is too late then */
export async function withTimeout<T>(
  call: Promise<T>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<TimeLimited<T>> {
  const giveUp = new AbortController();
  const either = signal === undefined ? giveUp.signal : AbortSignal.any([giveUp.signal, signal]);
  const answer = call.then(
    (value): TimeLimited<T> => ({ kind: 'done', value }),
    (error: unknown): TimeLimited<T> => ({ kind: 'failed', error }),
  );
  const tooLate: TimeLimited<T> = { kind: 'too-late' };
  const timer = delay(timeoutMs, tooLate, { signal: either }).catch(() => tooLate);
  try {
    return await Promise.race([answer, timer]);
  } finally {
    giveUp.abort();
  }
}

/**
 * Lets whoever asks while a call is under way wait for that one: a database that hangs would otherwise lose one more
 * connection to every question.
 */
export function singleFlight<T>(call: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  return () => {
    // Begun a moment later, so that a call which throws at once ends after it was noted, too.
    underWay ??= Promise.resolve()
      .then(call)
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };
}

/** Lets a loop sleep until somebody has something for it. What came while it was awake is not forgotten. */
export class WakeSignal {
  #called = false;
  #wake: (() => void) | undefined;

  call(): void {
    this.#called = true;
    this.#wake?.();
  }

  /** Resolves at the next call, or at once where there was one since the last wait; at the latest after `timeoutMs`. */
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
 * Waits for the call, and no longer than the signal allows: also a call that does not heed it.
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
