import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  afterQuotaUsedUp,
  afterThrottling,
  currentRate,
  EMPTY_LINE,
  isQuotaStale,
  maxRecipientsOfCall,
  type SendLine,
  takeTurns,
  withQuota,
} from '../../lib/domain/send-rate.ts';

const T0 = Date.parse('2026-11-28T12:00:00Z');

function lineOf(perSecond: number, perDay?: number, usedToday = 0): SendLine {
  return withQuota(EMPTY_LINE, { perSecond, usedToday, ...(perDay === undefined ? {} : { perDay }) }, T0);
}

interface Caller {
  readonly isUrgent: boolean;
  /** Recipients of each call. */
  readonly recipients: number;
  readonly begunAtMs?: number;
  /** How many calls it makes. */
  readonly calls?: number;
}

/** Callers that always have a call waiting, each asking again when it may; virtual time, in milliseconds. */
function play(line: SendLine, callers: readonly Caller[], durationMs: number) {
  const sends: { readonly atMs: number; readonly caller: number; readonly waitedMs: number }[] = [];
  const askAtMs = callers.map(({ begunAtMs = 0 }) => T0 + begunAtMs);
  const sinceMs = [...askAtMs];
  const made = callers.map(() => 0);
  for (let nowMs = T0; nowMs < T0 + durationMs; nowMs += 1) {
    for (const [index, { isUrgent, recipients, calls = Number.POSITIVE_INFINITY }] of callers.entries()) {
      if ((askAtMs[index] ?? 0) > nowMs || (made[index] ?? 0) >= calls) continue;
      const grant = takeTurns(line, { recipients: [recipients], isUrgent }, nowMs);
      if (grant.kind === 'wait') {
        askAtMs[index] = grant.untilMs;
        continue;
      }
      line = grant.line;
      const [atMs = 0] = grant.startsMs;
      sends.push({ atMs, caller: index, waitedMs: atMs - (sinceMs[index] ?? 0) });
      made[index] = (made[index] ?? 0) + 1;
      askAtMs[index] = Math.ceil(atMs) + 1;
      sinceMs[index] = askAtMs[index] ?? 0;
    }
  }
  return { line, sends };
}

const normal: Caller = { isUrgent: false, recipients: 1 };
const urgent: Caller = { isUrgent: true, recipients: 1 };

/** The most sends within any second. */
function mostInOneSecond(times: readonly number[]): number {
  const sorted = [...times].sort((one, other) => one - other);
  return Math.max(...sorted.map((from) => sorted.filter((at) => at >= from && at < from + 1000).length));
}

describe('the common line of all functions', () => {
  it.each([1, 2, 14, 100])('uses at least 95 %% of %i a second, and never more than it', (perSecond) => {
    const callers = Array.from({ length: Math.max(4, perSecond / 5) }, () => normal);

    const { sends } = play(lineOf(perSecond), callers, 20_000);

    const sent = sends.filter(({ atMs }) => atMs < T0 + 20_000).map(({ atMs }) => atMs);
    expect(sent.length).toBeGreaterThanOrEqual(0.95 * 20 * perSecond);
    expect(mostInOneSecond(sent)).toBeLessThanOrEqual(perSecond);
  });

  it('counts recipients, not calls', () => {
    const { sends } = play(lineOf(14), [{ ...normal, recipients: 7 }], 60_000);

    expect(sends.length).toBeGreaterThanOrEqual(0.95 * 120);
    expect(sends.length).toBeLessThanOrEqual(121);
  });

  it.each([1, 14, 200])(
    'lets urgent mail wait at most two seconds, whatever else waits, at %i a second',
    (perSecond) => {
      const busy = Array.from({ length: 10 }, () => ({
        ...normal,
        recipients: maxRecipientsOfCall(lineOf(perSecond)),
      }));
      const arriving = Array.from({ length: 20 }, (_, index) => ({
        ...urgent,
        begunAtMs: 1_000 + 2_900 * index,
        calls: 1,
      }));

      const { sends } = play(lineOf(perSecond), [...busy, ...arriving], 60_000);

      const waits = sends.filter(({ caller }) => caller >= busy.length).map(({ waitedMs }) => waitedMs);
      expect(waits).toHaveLength(20);
      expect(Math.max(...waits)).toBeLessThanOrEqual(2_000);
    },
  );

  it.each([1, 14, 200])(
    'leaves normal mail a tenth of it, however much is urgent, at %i a second',
    (perSecond) => {
      const { sends } = play(
        lineOf(perSecond),
        [normal, ...Array.from({ length: 10 }, () => urgent)],
        60_000,
      );

      const ofNormal = sends.filter(({ caller }) => caller === 0).length;
      expect(ofNormal).toBeGreaterThanOrEqual(0.07 * 60 * perSecond);
      expect(ofNormal).toBeLessThanOrEqual(0.15 * 60 * perSecond);
    },
  );

  it('starts each call of one request after the one before, and gives no turn far ahead', () => {
    const grant = takeTurns(
      lineOf(14),
      { recipients: Array.from({ length: 100 }, () => 1), isUrgent: false },
      T0,
    );

    if (grant.kind !== 'granted') throw new Error('no turn');
    const gaps = grant.startsMs.slice(1).map((at, index) => at - (grant.startsMs[index] ?? 0));
    for (const gap of gaps) expect(gap).toBeCloseTo(1000 / (14 * 0.98), 2);
    expect(Math.max(...grant.startsMs)).toBeLessThanOrEqual(T0 + 1_000);
  });

  it('recovers from any state that a function with a wrong clock wrote, within a minute', () => {
    const time = fc.double({ min: -1e14, max: 1e14, noNaN: true });
    fc.assert(
      fc.property(time, time, time, (nextSlotMs, normalDueMs, atMs) => {
        const line = { ...lineOf(14), nextSlotMs, normalDueMs, throttled: { atMs, share: 0.1 } };
        const { sends } = play(line, [normal], 60_000);
        expect(sends.length).toBeGreaterThan(0);
      }),
      {
        numRuns: 20,
        examples: [
          [T0 + 62_000, 0, 0],
          [T0 + 3_600_000, T0 + 3_600_000, T0 + 3_600_000],
        ],
      },
    );
  });
});

describe('a call that SES refused for its rate', () => {
  it('makes the line slower once, and it recovers by itself', () => {
    const line = lineOf(100);
    const yielding = afterThrottling(line, T0);

    expect(currentRate(yielding, T0)).toBeCloseTo(0.9 * currentRate(line, T0));
    expect(afterThrottling(yielding, T0 + 500)).toBe(yielding);
    expect(currentRate(afterThrottling(yielding, T0 + 2_000), T0 + 2_000)).toBeLessThan(
      currentRate(yielding, T0 + 2_000),
    );
    expect(currentRate(yielding, T0 + 60_000)).toBe(currentRate(line, T0));
  });

  it('is followed by a pause, so that the other sender is served', () => {
    const grant = takeTurns(afterThrottling(lineOf(100), T0), { recipients: [1], isUrgent: true }, T0);

    expect(grant).toMatchObject({ kind: 'granted', startsMs: [T0 + 1_000] });
  });
});

describe('the quota of 24 hours', () => {
  it('is used up to a twentieth, which is for urgent mail', () => {
    const ask = (line: SendLine, isUrgent: boolean) =>
      takeTurns(line, { recipients: [1], isUrgent }, T0).kind;

    expect(ask(lineOf(14, 200, 189), false)).toBe('granted');
    expect(ask(lineOf(14, 200, 190), false)).toBe('wait');
    expect(ask(lineOf(14, 200, 199), true)).toBe('granted');
    expect(ask(lineOf(14, 200, 200), true)).toBe('wait');
  });

  it('counts the turns since SES was asked', () => {
    const { sends } = play(lineOf(14, 200, 180), [normal], 10_000);

    expect(sends).toHaveLength(10);
  });

  it('is believed to be used up if SES says so, until it is asked again', () => {
    const ask = (line: SendLine) => takeTurns(line, { recipients: [1], isUrgent: true }, T0);
    const used = afterQuotaUsedUp(lineOf(14, 200, 0), T0);

    expect(ask(used)).toMatchObject({ kind: 'wait', cause: 'daily-quota', untilMs: T0 + 60_000 });
    expect(ask(afterQuotaUsedUp(lineOf(14), T0)).kind).toBe('wait');
    expect(ask(withQuota(used, { perSecond: 14, perDay: 200, usedToday: 3 }, T0)).kind).toBe('granted');
  });

  it('is asked once a minute, by one function', () => {
    const line = lineOf(14);

    expect(isQuotaStale(EMPTY_LINE, T0)).toBe(true);
    expect(isQuotaStale(line, T0 + 59_000)).toBe(false);
    expect(isQuotaStale(line, T0 + 60_000)).toBe(true);
    expect(isQuotaStale({ ...line, askedAtMs: T0 + 60_000 }, T0 + 60_001)).toBe(false);
    expect(isQuotaStale({ ...line, askedAtMs: T0 + 60_000 }, T0 + 70_000)).toBe(true);
  });
});
