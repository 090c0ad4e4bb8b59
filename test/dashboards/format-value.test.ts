import { describe, expect, it } from '@jest/globals';
import { valueText } from './format-value.ts';

describe('a value in a picture', () => {
  it.each([
    [0, 'Seconds', '0'],
    [0.25, 'Seconds', '250 ms'],
    [12, 'Seconds', '12 s'],
    [59.99, 'Seconds', '1 min'],
    [180, 'Seconds', '3 min'],
    [5400, 'Seconds', '1.5 h'],
    [86_400 * 3, 'Seconds', '3 d'],
    [850, 'Milliseconds', '850 ms'],
    [6700, 'Milliseconds', '6.7 s'],
    [45, 'Percent', '45 %'],
    [0.08, 'Percent', '0.08 %'],
    [0, 'Percent', '0 %'],
    [7, 'Count', '7'],
    [999.9, 'Count', '1k'],
    [1234, 'Count', '1.23k'],
    [2_500_000, 'Count', '2.5M'],
    [-1500, 'Count', '-1.5k'],
    [0, 'Bytes', '0'],
    [512, 'Bytes', '512 B'],
    [1_200_000, 'Bytes', '1.2 MB'],
    [120, 'Days', '120 d'],
    [0.0123, 'Dollars', '$0.0123'],
    [3e-9, 'Dollars', '$0'],
    [0.1 + 0.2, 'None', '0.3'],
  ] as const)('of %d %s is %s', (value, unit, text) => {
    expect(valueText(value, unit)).toBe(text);
  });
});
