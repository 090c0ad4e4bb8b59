import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_RECEIVE_COUNT, QUEUE_RETENTION_DAYS } from '../../lib/domain/limits.ts';
import { retryDelaySeconds } from '../../lib/domain/retry.ts';

const pace = fc.constantFrom('rate' as const, 'outage' as const, 'hours' as const);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the retry schedule', () => {
  it('returns whole seconds that SQS accepts as a visibility timeout', () => {
    fc.assert(
      fc.property(pace, fc.integer({ min: 0, max: 2000 }), random, (kind, receiveCount, chance) => {
        const delay = retryDelaySeconds(kind, receiveCount, chance);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(1);
        expect(delay).toBeLessThanOrEqual(43_200);
      }),
    );
  });

  it('lasts longer than the retention of the queue before the receives are used up, in the worst case', () => {
    let seconds = 0;
    for (let receiveCount = 1; receiveCount < MAX_RECEIVE_COUNT; receiveCount += 1) {
      seconds += retryDelaySeconds('rate', receiveCount, 0);
    }

    expect(seconds).toBeGreaterThan(QUEUE_RETENTION_DAYS * 24 * 3600);
  });

  it('is at most ten minutes in two days of an outage, so that the last mail is out soon after it', () => {
    let seconds = 0;
    let longest = 0;
    for (let receiveCount = 1; seconds < 48 * 3600; receiveCount += 1) {
      const delay = retryDelaySeconds('outage', receiveCount, 0.5);
      longest = Math.max(longest, delay);
      seconds += delay;
    }

    expect(longest).toBeLessThanOrEqual(600);
  });

  it('grows with each attempt, with a jitter of half of it', () => {
    expect([1, 2, 3, 4].map((count) => retryDelaySeconds('outage', count, 0))).toEqual([3, 5, 10, 20]);
    expect(retryDelaySeconds('outage', 4, 0.999)).toBe(40);
  });
});
