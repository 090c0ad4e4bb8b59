import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import { duration, port, wholeNumber } from '../../lib/cli/number-flags.ts';

describe('a whole number', () => {
  it.each([
    ['1', 1],
    ['020', 20],
    ['20', 20],
  ])('%s is accepted', (text, number) => {
    expect(wholeNumber(20)(text)).toBe(number);
  });

  it.each(['0', '21', '-1', '1.5', '1e1', '', ' 1', 'few'])('%j is refused, and the range named', (text) => {
    expect(() => wholeNumber(20)(text)).toThrow(InvalidArgumentError);
    expect(() => wholeNumber(20)(text)).toThrow('a whole number from 1 to 20');
  });

  it('is what a port is', () => {
    expect(port('65535')).toBe(65_535);
    expect(() => port('65536')).toThrow('from 1 to 65535');
  });
});

describe('a duration', () => {
  const minutes = duration({ unitMs: 60_000, most: 100 });
  const maybeNone = duration({ unitMs: 60_000, most: 100, allowsZero: true });

  it('is in milliseconds', () => {
    expect([minutes('1'), minutes('0.5'), minutes('100'), maybeNone('0')]).toEqual([
      60_000, 30_000, 6_000_000, 0,
    ]);
  });

  it.each(['0', '100.1', '-1', '1h', '0.0001', ''])('%j is refused', (text) => {
    expect(() => minutes(text)).toThrow('a number, more than 0 and at most 100');
  });

  it('says that zero is allowed if it is', () => {
    expect(() => maybeNone('101')).toThrow('a number, at least 0 and at most 100');
  });
});
