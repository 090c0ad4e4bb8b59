import type { Distribution } from './statistic.ts';

/** The metrics of a run, small enough to be stored with the tests that use them. */
export interface Recording {
  /** The minute from which all others are counted, in ISO 8601. */
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
 * Consecutive minutes with the same values: the first minute, their number, then the values. A value that was
 * seen several times is a pair of the value and its count: most metrics are ones, or stay the same for hours.
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

/** Values that are equal after rounding are merged. */
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

/** A thousandth is finer than any unit here needs; more digits would only make the file larger. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
