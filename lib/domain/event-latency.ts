/** The upper bounds of the classes that latencies are counted in, in seconds; what took longer is in the last. */
export const LATENCY_BOUNDS_SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600] as const;

/** How many events took how long: a count for each bound, and one for what took longer. */
export type LatencyCounts = readonly number[];

/** How SES's events came in of late. */
export interface EventPace {
  readonly counts: LatencyCounts;
  /** When SES took the mail of the newest Send event that was applied. */
  readonly newestSentAt?: Date | undefined;
}

/** How long to wait for the event of a call whose answer was lost; in milliseconds. */
export interface SendEventTimeout {
  /** Never less. */
  readonly leastMs: number;
  /** Where too few events were measured. */
  readonly defaultMs: number;
  /** Never more. */
  readonly mostMs: number;
}

/** With fewer, the slowest of a thousand says nothing yet. */
const MIN_MEASURED = 100;

const QUANTILE = 0.999;

/** A pipeline that slows down must not be outrun by the measure of its better days. */
const SAFETY_FACTOR = 2;

const NONE: LatencyCounts = Array.from({ length: LATENCY_BOUNDS_SECONDS.length + 1 }, () => 0);

/** The class that a latency is counted in. */
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

/** Twice the time within which all but one in a thousand events came, within the bounds that were set. */
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
