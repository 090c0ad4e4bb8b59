/** Upper bounds of the latency buckets, in seconds; a last bucket counts everything slower. */
export const LATENCY_BOUNDS_SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600] as const;

/** Latency histogram: a count for each bound, and one for everything slower. */
export type LatencyCounts = readonly number[];

/** Recent latencies of SES events. */
export interface EventPace {
  readonly counts: LatencyCounts;
  /** When SES accepted the mail of the newest applied Send event. */
  readonly newestSentAt?: Date | undefined;
}

/** How long to wait for the event of a call with an unknown result; in milliseconds. */
export interface SendEventTimeout {
  /** Minimum. */
  readonly leastMs: number;
  /** Used if too few events were measured. */
  readonly defaultMs: number;
  /** Maximum. */
  readonly mostMs: number;
}

/** With fewer events, the 99.9th percentile is meaningless. */
const MIN_MEASURED = 100;

const QUANTILE = 0.999;

/** Latencies measured on better days must not time out a pipeline that slows down. */
const SAFETY_FACTOR = 2;

const NONE: LatencyCounts = Array.from({ length: LATENCY_BOUNDS_SECONDS.length + 1 }, () => 0);

/** The bucket of a latency. */
export function latencyClass(ms: number): number {
  const index = LATENCY_BOUNDS_SECONDS.findIndex((bound) => ms <= bound * 1000);
  return index === -1 ? LATENCY_BOUNDS_SECONDS.length : index;
}

export function countLatencies(latenciesMs: readonly number[]): LatencyCounts {
  const counts = [...NONE];
  for (const ms of latenciesMs) {
    const index = latencyClass(ms);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

export function addCounts(one: LatencyCounts, other: LatencyCounts): LatencyCounts {
  return NONE.map((_, index) => (one[index] ?? 0) + (other[index] ?? 0));
}

/** Twice the 99.9th percentile of the latencies, within the configured bounds. */
export function sendEventTimeoutMs(counts: LatencyCounts, wait: SendEventTimeout): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total < MIN_MEASURED) return wait.defaultMs;
  let seen = 0;
  const index = counts.findIndex((count) => {
    seen += count;
    return seen >= QUANTILE * total;
  });
  const bound = LATENCY_BOUNDS_SECONDS[index];
  if (bound === undefined) return wait.mostMs;
  return Math.min(Math.max(bound * 1000 * SAFETY_FACTOR, wait.leastMs), wait.mostMs);
}
