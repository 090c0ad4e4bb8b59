import type { DrawnSeries } from './drawn-series.ts';

/**
 * Series as layers of a stack: where any of them has data, the others count as zero. Otherwise a layer would
 * start and end in the middle of the one below. Where none has data, the stack has a gap.
 */
export function stackedSeries(series: readonly DrawnSeries[]): readonly DrawnSeries[] {
  const moments = new Set(series.flatMap((one) => momentsOf(one)));
  return series.map((one) => ({
    ...one,
    points: one.points.map((point, index) => point ?? (moments.has(momentOf(one, index)) ? 0 : undefined)),
  }));
}

/** The height of the stack at each moment with data. */
export function stackTops(series: readonly DrawnSeries[]): readonly number[] {
  const tops = new Map<number, number>();
  for (const one of series) {
    for (const [index, point] of one.points.entries()) {
      const atMs = momentOf(one, index);
      if (point !== undefined) tops.set(atMs, (tops.get(atMs) ?? 0) + point);
    }
  }
  return [...tops.values()];
}

function momentsOf(series: DrawnSeries): readonly number[] {
  return series.points.flatMap((point, index) => (point === undefined ? [] : [momentOf(series, index)]));
}

function momentOf({ startsMs, periodMs }: DrawnSeries, index: number): number {
  return startsMs + index * periodMs;
}
