import { describe, expect, it } from '@jest/globals';
import { DAY_MS, MINUTE_MS } from '../../lib/common/time.ts';
import {
  isHolding,
  judgeReputation,
  reputationRates,
  resetFuse,
  type SendStatistics,
} from '../../lib/domain/reputation-fuse.ts';

const T0 = Date.parse('2026-11-28T12:00:00Z');

type Counts = readonly [attempts: number, bounces: number, complaints?: number];

/** The newest first. */
function points(...counts: readonly Counts[]): SendStatistics[] {
  return counts.map(([attempts, bounces, complaints = 0], index) => ({
    atMs: T0 - 15 * MINUTE_MS * index,
    attempts,
    bounces,
    complaints,
  }));
}

const judge = (...counts: readonly Counts[]) =>
  judgeReputation(undefined, reputationRates(points(...counts), T0), T0);

describe('the reputation fuse', () => {
  it('trips below the rates at which AWS reviews an account, 5 % and 0.1 %', () => {
    expect(judge([1_000, 39])).toBeUndefined();
    expect(judge([1_000, 40])).toEqual({ cause: 'bounce-rate', rate: 0.04, trippedAtMs: T0 });
    expect(judge([10_000, 0, 7])).toBeUndefined();
    expect(judge([10_000, 0, 8])).toMatchObject({ cause: 'complaint-rate' });
  });

  it('looks at the newest thousand mails, in whatever order SES lists them', () => {
    const storm = points([500, 60], [600, 0], [100_000, 0]);

    expect(judgeReputation(undefined, reputationRates(storm.toReversed(), T0), T0)).toMatchObject({
      rate: 60 / 1_100,
    });
  });

  it('does not judge by a few mails', () => {
    expect(judge([100, 50, 20])).toBeUndefined();
  });

  it('resets when the rate has fallen well below, and not before', () => {
    const tripped = judge([1_000, 50]);
    const later = (bounces: number) =>
      judgeReputation(tripped, reputationRates(points([1_000, bounces]), T0), T0 + 1);

    expect(isHolding(later(35), T0)).toBe(true);
    expect(later(29)).toBeUndefined();
  });

  it('does not reset while the day of the storm lasts: what was held would trip it again at once', () => {
    const tripped = judge([1_000, 50]);
    const storm = [
      { atMs: T0, attempts: 2_000, bounces: 100, complaints: 0 },
      { atMs: T0 + 30 * MINUTE_MS, attempts: 1_000, bounces: 0, complaints: 0 },
    ];
    const at = (nowMs: number) => judgeReputation(tripped, reputationRates(storm, nowMs), nowMs);

    expect(isHolding(at(T0 + 60 * MINUTE_MS), T0)).toBe(true);
    expect(at(T0 + DAY_MS)).toBeUndefined();
  });

  it("lets mail pass for a day after the operator's reset, although the rate is still high", () => {
    const tripped = judge([1_000, 50]);
    if (tripped === undefined) throw new Error('not tripped');
    const reset = judgeReputation(resetFuse(tripped, T0), reputationRates(points([1_000, 50]), T0), T0 + 1);

    expect(isHolding(reset, T0 + DAY_MS - 1)).toBe(false);
    expect(isHolding(reset, T0 + DAY_MS)).toBe(true);
  });
});
