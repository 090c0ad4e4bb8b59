export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * How long to wait before the next try: twice as long each time, and a random half of it, so that those who failed
 * together do not come back together.
 *
 * @param attempt from 1
 * @param random a number in [0, 1)
 */
export function backoffMs({ firstMs, longestMs }: Backoff, attempt: number, random: number): number {
  const doublings = Math.min(Math.max(attempt, 1) - 1, 30);
  const ceiling = Math.min(firstMs * 2 ** doublings, longestMs);
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
