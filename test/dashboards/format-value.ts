/** The supported units of CloudWatch, and two that only widgets use. */
export type ValueUnit =
  | 'Count'
  | 'Bytes'
  | 'Seconds'
  | 'Milliseconds'
  | 'Percent'
  | 'None'
  | 'Dollars'
  | 'Days';

export interface FormattedValue {
  readonly number: string;
  /** Empty if the number needs none. */
  readonly unit: string;
}

type Step = readonly [from: number, unit: string];

const SECONDS: readonly Step[] = [
  [172_800, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
  [0.001, 'ms'],
];
const DIVISORS: Readonly<Record<string, number>> = { d: 86_400 };
const THOUSANDS: readonly Step[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** A human-readable value, in three digits: 1.2k, 3 min, 45 %. */
export function formatValue(value: number, unit: ValueUnit): FormattedValue {
  switch (unit) {
    case 'Seconds':
      return stepped(value, SECONDS, 's');
    case 'Milliseconds':
      return stepped(value / 1000, SECONDS, 's');
    case 'Bytes': {
      const { number, unit: prefix } = stepped(value, THOUSANDS, '');
      return { number, unit: `${prefix}B` };
    }
    case 'Percent':
      return { number: digits(value), unit: '%' };
    case 'Days':
      return { number: digits(value), unit: 'd' };
    case 'Dollars':
      return { number: `$${digits(value)}`, unit: '' };
    case 'Count':
    case 'None': {
      const { number, unit: prefix } = stepped(value, THOUSANDS, '');
      return { number: `${number}${prefix}`, unit: '' };
    }
  }
}

/** The same as one text; zero needs no unit. */
export function valueText(value: number, unit: ValueUnit): string {
  const formatted = formatValue(value, unit);
  if (value === 0 && unit !== 'Dollars' && unit !== 'Percent') return '0';
  return formatted.unit === '' ? formatted.number : `${formatted.number} ${formatted.unit}`;
}

/** Rounds before it chooses the step, so that 59.99 s are a minute. */
function stepped(value: number, steps: readonly Step[], smallest: string): FormattedValue {
  const size = Number(Math.abs(value).toPrecision(3));
  const step = steps.find(([from]) => size >= from);
  if (step === undefined) return { number: digits(value), unit: smallest };
  const [from, unit] = step;
  return { number: digits(value / (DIVISORS[unit] ?? from)), unit };
}

function digits(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return String(Math.abs(rounded) < 1e-6 ? 0 : rounded);
}
