import type { Distribution } from './statistic.ts';

/** What a run left in CloudWatch, small enough to be kept beside the tests that look at it. */
export interface Recording {
  /** The minute that all others are counted from, in ISO 8601. */
  readonly startsAt: string;
  readonly metrics: readonly RecordedMetric[];
}

interface RecordedMetric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly unit: string;
  readonly runs: readonly RecordedRun[];
}

/**
 * Minutes in a row that hold the same: the first of them, how many they are, then the values. A value that was seen
 * several times is a pair of itself and how often: most metrics are ones, or stay the same for hours.
 */
type RecordedRun = readonly (number | readonly number[])[];

/** The values of a metric by minute, counted since the epoch. */
export type MinutesOfMetric = ReadonlyMap<number, Distribution>;

export function encodeRuns(minutes: MinutesOfMetric, firstMinute: number): RecordedRun[] {
  const runs: { first: number; length: number; values: string }[] = [];
  for (const [minute, distribution] of [...minutes].sort(([one], [other]) => one - other)) {
    const values = JSON.stringify(encodeValues(distribution));
    const last = runs.at(-1);
    if (last?.values === values && last.first + last.length === minute) last.length += 1;
    else runs.push({ first: minute, length: 1, values });
  }
  return runs.map(({ first, length, values }) => [first - firstMinute, length, ...JSON.parse(values)]);
}

export function decodeRuns(runs: readonly RecordedRun[], firstMinute: number): Map<number, Distribution> {
  const minutes = new Map<number, Distribution>();
  for (const [first, length, ...values] of runs) {
    for (let minute = Number(first); minute < Number(first) + Number(length); minute += 1) {
      minutes.set(firstMinute + minute, decodeValues(values));
    }
  }
  return minutes;
}

/** Values that are the same once rounded are one. */
function encodeValues(distribution: Distribution): (number | [number, number])[] {
  const seen = new Map<number, number>();
  for (const [value, times] of distribution) {
    seen.set(rounded(value), (seen.get(rounded(value)) ?? 0) + times);
  }
  const sorted = [...seen].sort(([one], [other]) => one - other);
  return sorted.map(([value, times]) => (times === 1 ? value : [value, times]));
}

function decodeValues(values: RecordedRun): Distribution {
  return new Map(
    values.map((entry): [number, number] => {
      if (typeof entry === 'number') return [entry, 1];
      const [value = 0, times = 1] = entry;
      return [value, times];
    }),
  );
}

/** A thousandth is finer than any unit here needs, and the file would be made of digits otherwise. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
