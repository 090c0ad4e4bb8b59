import { setTimeout as delay } from 'node:timers/promises';

/**
 * What a promise comes to within a time. What takes longer is left to itself: it is for calls that cannot be
 * aborted, and a late failure of theirs is nobody's any more.
 */
export type InTime<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'too-late' };

/** @param signal ends the wait before its time, and it is too late then */
export async function inTime<T>(
  call: Promise<T>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<InTime<T>> {
  const giveUp = new AbortController();
  const either = signal === undefined ? giveUp.signal : AbortSignal.any([giveUp.signal, signal]);
  const answer = call.then(
    (value): InTime<T> => ({ kind: 'done', value }),
    (error: unknown): InTime<T> => ({ kind: 'failed', error }),
  );
  const tooLate: InTime<T> = { kind: 'too-late' };
  const timer = delay(timeoutMs, tooLate, { signal: either }).catch(() => tooLate);
  try {
    return await Promise.race([answer, timer]);
  } finally {
    giveUp.abort();
  }
}
