import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HOUR_MS } from '../../lib/common/time.ts';
import { axisScale, timeMarks } from './axis-scale.ts';
import type { ValueUnit } from './format-value.ts';

const UNITS: readonly ValueUnit[] = ['Count', 'Seconds', 'Milliseconds', 'Percent', 'None', 'Dollars'];

describe('the scale of an axis', () => {
  it('contains zero and all values, with lines that are neither too many nor all at the ends', () => {
    const value = fc.double({ min: -1e9, max: 1e9, noNaN: true }).filter((any) => Math.abs(any) > 1e-6);
    fc.assert(
      fc.property(
        fc.array(value),
        fc.constantFrom(...UNITS),
        fc.integer({ min: 2, max: 6 }),
        (values, unit, lines) => {
          const { min, max, interval } = axisScale(values, unit, { lines });
          expect(min).toBeLessThanOrEqual(Math.min(0, ...values));
          expect(max).toBeGreaterThanOrEqual(Math.max(0, ...values) * (1 - 1e-9));
          expect(max).toBeGreaterThan(min);
          expect((max - min) / interval).toBeLessThanOrEqual(lines + 2);
        },
      ),
    );
  });

  it('has integer steps for counts', () => {
    expect(axisScale([1], 'Count', { lines: 5 })).toEqual({ min: 0, max: 1, interval: 1 });
  });

  it('has its lines at round times', () => {
    expect(axisScale([2000], 'Seconds', { lines: 4 })).toEqual({ min: 0, max: 2400, interval: 600 });
    expect(axisScale([7_000_000], 'Milliseconds', { lines: 4 })).toMatchObject({ interval: 1_800_000 });
  });

  it('respects the bounds of the widget', () => {
    expect(axisScale([250], 'Percent', { min: 0, max: 100, lines: 4 })).toMatchObject({ min: 0, max: 100 });
  });

  it('exists without values, too', () => {
    expect(axisScale([], 'Percent', { lines: 4 })).toMatchObject({ min: 0, max: 100 });
  });
});

describe('the marks of the time', () => {
  it('are at round times of day, and no more than requested', () => {
    const fromMs = Date.parse('2026-01-14T09:10:00Z');
    const marks = timeMarks(fromMs, fromMs + 6 * HOUR_MS, 4).map((mark) => new Date(mark).toISOString());
    expect(marks).toEqual([
      '2026-01-14T10:00:00.000Z',
      '2026-01-14T12:00:00.000Z',
      '2026-01-14T14:00:00.000Z',
    ]);
  });
});
