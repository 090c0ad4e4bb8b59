import { InvalidArgumentError } from 'commander';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../common/time.ts';

/** Parses a flag that takes a whole number from 1 to `most`. @throws InvalidArgumentError for anything else */
export function wholeNumber(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,9}$/.test(text) && number >= 1 && number <= most) return number;
    throw new InvalidArgumentError(`It has to be a whole number from 1 to ${most}.`);
  };
}

/** A TCP or UDP port. */
export const port = wholeNumber(65_535);

export interface DurationOptions {
  /** What one of the flag's number is, in milliseconds. */
  readonly unitMs: number;
  /** In units. */
  readonly most: number;
  /** @default false */
  readonly allowsZero?: boolean;
}

/** Parses a flag that takes a time such as `10` or `0.5`. @returns milliseconds @throws InvalidArgumentError */
export function duration({ unitMs, most, allowsZero = false }: DurationOptions): (text: string) => number {
  return (text) => {
    const number = Number(text);
    const isInRange = number <= most && (number > 0 || allowsZero);
    if (/^\d{1,5}(?:\.\d{1,3})?$/.test(text) && isInRange) return Math.round(number * unitMs);
    const least = allowsZero ? 'at least 0' : 'more than 0';
    throw new InvalidArgumentError(`It has to be a number, ${least} and at most ${most}.`);
  };
}

const SPAN_MS: Readonly<Record<string, number>> = { s: 1000, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

/** Parses a flag that takes a time such as `90s`, `30m`, `2h` or `7d`. @returns milliseconds @throws InvalidArgumentError */
export function timespan(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,5})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (SPAN_MS[unit] ?? 0);
  if (ms > 0) return ms;
  throw new InvalidArgumentError('It has to be a time such as 90s, 30m, 2h or 7d.');
}
