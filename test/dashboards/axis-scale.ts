import { DAY_SECONDS } from '../../lib/common/time.ts';
import type { ValueUnit } from './format-value.ts';

export interface AxisScale {
  readonly min: number;
  readonly max: number;
  /** Between two lines of the grid. */
  readonly interval: number;
}

/** Round numbers of seconds on a clock. */
const CLOCK = [
  ...[1, 2, 5, 10, 15, 30],
  ...[60, 120, 300, 600, 900, 1800],
  ...[3600, 7200, 10_800, 21_600, 43_200],
];

/**
 * The range of an axis that contains all values and starts at zero, unless the widget sets its bounds, with
 * lines at round numbers.
 */
export function axisScale(
  values: readonly number[],
  unit: ValueUnit,
  { min, max, lines }: { min?: number | undefined; max?: number | undefined; lines: number },
): AxisScale {
  const low = min ?? Math.min(0, ...values);
  const high = max ?? Math.max(min ?? 0, ...values);
  // A flat line at the bottom still gets an axis.
  const top = high > low ? high : low + (unit === 'Percent' ? 100 : 1);
  const interval = roundStep((top - low) / lines, unit);
  return {
    min: min ?? Math.floor(low / interval) * interval,
    max: max ?? trimmed(Math.ceil(trimmed(top / interval)) * interval),
    interval,
  };
}

/** The label times of an axis from one moment to another: at most so many, at round times of day (UTC). */
export function timeMarks(fromMs: number, toMs: number, most: number): readonly number[] {
  const stepMs = clockStep((toMs - fromMs) / 1000 / most) * 1000;
  const marks: number[] = [];
  for (let atMs = Math.ceil(fromMs / stepMs) * stepMs; atMs <= toMs; atMs += stepMs) marks.push(atMs);
  return marks;
}

/** The smallest round step that is not below the given one. */
function roundStep(least: number, unit: ValueUnit): number {
  if (unit === 'Seconds') return clockStep(least);
  if (unit === 'Milliseconds') return clockStep(least / 1000) * 1000;
  const step = decimalStep(least);
  return unit === 'Count' ? Math.max(1, step) : step;
}

function clockStep(least: number): number {
  if (least < 1) return decimalStep(least);
  return CLOCK.find((step) => step >= least) ?? decimalStep(least / DAY_SECONDS) * DAY_SECONDS;
}

function decimalStep(least: number): number {
  const decade = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5].find((candidate) => candidate * decade >= least * (1 - 1e-9)) ?? 10;
  return trimmed(factor * decade);
}

/** Without errors of binary fractions: 0.30000000000000004 is 0.3. */
function trimmed(value: number): number {
  return Number(value.toPrecision(12));
}
