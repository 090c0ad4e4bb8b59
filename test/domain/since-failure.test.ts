import { describe, expect, it } from '@jest/globals';
import { DAY_MS, HOUR_MS } from '../../lib/common/time.ts';
import { sinceFailureMs } from '../../lib/domain/failure.ts';

const NOW = new Date('2026-11-22T12:00:00.000Z');
const tookMs = (agoMs: number) => sinceFailureMs(new Date(NOW.getTime() - agoMs), NOW);

describe('the time since SMTP failed', () => {
  it('is in milliseconds', () => {
    expect(tookMs(1_234)).toBe(1_234);
    expect(tookMs(28 * DAY_MS)).toBe(28 * DAY_MS);
  });

  it('is zero if the clock of the API is ahead', () => {
    expect(tookMs(-60_000)).toBe(0);
  });

  it.each([
    ['years ago', 10 * 365 * DAY_MS],
    ['since 1970', NOW.getTime()],
    ['in an hour', -HOUR_MS],
    ['at no time', Number.NaN],
  ])('is rejected if it is %s', (_name, agoMs) => {
    expect(tookMs(agoMs)).toBeUndefined();
  });
});
