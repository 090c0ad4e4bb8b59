import { setTimeout as delay } from 'node:timers/promises';

/**
 * What a promise comes to within a time. What takes longer is left to itself: it is for calls that cannot be
 * aborted, and a late failure of theirs is nobody's any more.
 */
export type InTime<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'too-late' };

export async function inTime<T>(call: Promise<T>, timeoutMs: number): Promise<InTime<T>> {
  const giveUp = new AbortController();
  const answer = call.then(
    (value): InTime<T> => ({ kind: 'done', value }),
    (error: unknown): InTime<T> => ({ kind: 'failed', error }),
  );
  const timer = delay<InTime<T>>(timeoutMs, { kind: 'too-late' }, { signal: giveUp.signal });
  timer.catch(() => {});
  try {
    return await Promise.race([answer, timer]);
  } finally {
    giveUp.abort();
  }
}
