import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HOUR_MS } from '../../lib/common/time.ts';
import {
  addCounts,
  countLatencies,
  LATENCY_BOUNDS_SECONDS,
  latencyClass,
  sendEventTimeoutMs,
} from '../../lib/domain/event-latency.ts';

const WAIT = { leastMs: 60_000, defaultMs: 600_000, mostMs: HOUR_MS };
const HUGE_MS = 1e9;

const latency = fc.integer({ min: 0, max: 5_000_000 });

const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

/** A number of equal latencies. */
const times = (count: number, ms: number) => Array.from({ length: count }, () => ms);

describe('the class of a latency', () => {
  it('is the first whose bound it does not exceed', () => {
    fc.assert(
      fc.property(latency, (ms) => {
        const index = latencyClass(ms);
        const upper = (LATENCY_BOUNDS_SECONDS[index] ?? Number.POSITIVE_INFINITY) * 1000;
        const lower = index === 0 ? -1 : Number(LATENCY_BOUNDS_SECONDS[index - 1]) * 1000;
        expect(ms).toBeLessThanOrEqual(upper);
        expect(ms).toBeGreaterThan(lower);
      }),
    );
    expect([1000, 1001, HOUR_MS, 3_600_001].map(latencyClass)).toEqual([0, 1, 11, 12]);
  });
});

describe('counts', () => {
  it('have each latency once, and add up as if counted together', () => {
    fc.assert(
      fc.property(fc.array(latency), fc.array(latency), (one, other) => {
        const sum = addCounts(countLatencies(one), countLatencies(other));
        expect(sum).toEqual(countLatencies([...other, ...one]));
        expect(total(sum)).toBe(one.length + other.length);
      }),
    );
  });

  it('have an entry for each bound and one for longer latencies', () => {
    expect(countLatencies([])).toEqual(Array(LATENCY_BOUNDS_SECONDS.length + 1).fill(0));
    expect(countLatencies([HUGE_MS]).at(-1)).toBe(1);
  });
});

describe('the wait for an event', () => {
  it('is the default if too few were measured', () => {
    expect(sendEventTimeoutMs(countLatencies([]), WAIT)).toBe(WAIT.defaultMs);
    expect(sendEventTimeoutMs(countLatencies(times(99, 1)), WAIT)).toBe(WAIT.defaultMs);
    expect(sendEventTimeoutMs(countLatencies(times(100, 1)), WAIT)).toBe(WAIT.leastMs);
  });

  it('is twice the bound for all but one in a thousand', () => {
    const slow = (count: number) => countLatencies([...times(10_000 - count, 1), ...times(count, 100_000)]);
    expect(sendEventTimeoutMs(slow(10), WAIT)).toBe(WAIT.leastMs);
    expect(sendEventTimeoutMs(slow(11), WAIT)).toBe(2 * 120_000);
  });

  it('stays within its bounds, and is no shorter than the slowest of all but one in a thousand', () => {
    fc.assert(
      fc.property(fc.array(latency, { minLength: 100, maxLength: 400 }), (latencies) => {
        const waitMs = sendEventTimeoutMs(countLatencies(latencies), WAIT);
        expect(waitMs).toBeGreaterThanOrEqual(WAIT.leastMs);
        expect(waitMs).toBeLessThanOrEqual(WAIT.mostMs);
        const slowest = Math.max(...latencies);
        expect(waitMs).toBeGreaterThanOrEqual(Math.min(slowest, WAIT.mostMs));
      }),
    );
  });

  it('never shrinks because an event was late', () => {
    fc.assert(
      fc.property(fc.array(latency, { minLength: 100, maxLength: 300 }), (latencies) => {
        const before = sendEventTimeoutMs(countLatencies(latencies), WAIT);
        expect(sendEventTimeoutMs(countLatencies([...latencies, HUGE_MS]), WAIT)).toBeGreaterThanOrEqual(
          before,
        );
      }),
    );
  });

  it('is the maximum if events take longer than any bound', () => {
    expect(sendEventTimeoutMs(countLatencies(times(1000, HUGE_MS)), WAIT)).toBe(WAIT.mostMs);
  });
});
