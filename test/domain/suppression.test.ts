import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DAY_MS, HOUR_MS } from '../../lib/common/time.ts';
import { MAX_SOFT_BOUNCES } from '../../lib/domain/limits.ts';
import {
  applySignal,
  NO_RECORD,
  type SuppressionRecord,
  type SuppressionSignal,
  toSuppression,
} from '../../lib/domain/suppression.ts';

const POLICY = { softBounces: 3, windowDays: 7 };
const START = Date.parse('2026-03-01T10:00:00Z');
const at = (days: number) => new Date(START + days * DAY_MS);

/** The latest of the signals below; a removal at that time clears all of them. */
const LATEST = new Date(START + 8 * HOUR_MS);

/** Few values, so that many signals share a time, a delivery or a message. */
const signal: fc.Arbitrary<SuppressionSignal> = fc.record({
  kind: fc.constantFrom('hard-bounce', 'complaint', 'soft-bounce'),
  at: fc.integer({ min: 0, max: 8 }).map((hours) => new Date(START + hours * HOUR_MS)),
  deliveryId: fc.constantFrom('d1', 'd2', 'd3'),
  sesMessageId: fc.integer({ min: 0, max: 2 * MAX_SOFT_BOUNCES }).map((number) => `m${number}`),
});

/** More soft bounces than a record keeps. */
const crowd: fc.Arbitrary<SuppressionSignal> = fc.record({
  kind: fc.constant('soft-bounce'),
  at: fc.constantFrom(at(0), at(1)),
  deliveryId: fc.constantFrom('d1', 'd2'),
  sesMessageId: fc.integer({ min: 0, max: 2 * MAX_SOFT_BOUNCES }).map((number) => `m${number}`),
});

/** The same signals in two orders, each once or more often. */
const twoOrders = (one: fc.Arbitrary<SuppressionSignal>) =>
  fc.array(one, { minLength: 1, maxLength: 80, size: 'max' }).chain((signals) =>
    fc.tuple(
      fc.constant(signals),
      fc
        .array(fc.constantFrom(...signals), { maxLength: 20, size: 'max' })
        .chain((again) =>
          fc.shuffledSubarray([...signals, ...again], { minLength: signals.length + again.length }),
        ),
    ),
  );

const recordOf = (signals: readonly SuppressionSignal[]) => signals.reduce(applySignal, NO_RECORD);

function soft(days: number, id = `m${days}`): SuppressionSignal {
  return { kind: 'soft-bounce', at: at(days), deliveryId: `d-${id}`, sesMessageId: id };
}

function hard(days: number, kind: 'hard-bounce' | 'complaint' = 'hard-bounce'): SuppressionSignal {
  return { kind, at: at(days), deliveryId: 'd-hard', sesMessageId: `h${days}` };
}

const reasonAt = (record: SuppressionRecord, days: number) => toSuppression(record, POLICY, at(days))?.reason;

describe('the record of an address', () => {
  it.each([
    ['signals', signal],
    ['more soft bounces than a record keeps', crowd],
  ])('is the same for each order and repetition of %s', (_name, one) => {
    fc.assert(
      fc.property(twoOrders(one), ([first, second]) => {
        expect(recordOf(second)).toEqual(recordOf(first));
      }),
    );
  });

  it('keeps the newest soft bounces, and no more of them than a policy can require', () => {
    const signals = Array.from({ length: MAX_SOFT_BOUNCES + 5 }, (_, day) => soft(day));
    const kept = Object.keys(recordOf(signals.toReversed()).softBounces);
    expect(kept.sort()).toEqual(
      signals
        .slice(5)
        .map(({ sesMessageId }) => sesMessageId)
        .sort(),
    );
  });

  it('does not change the input record', () => {
    const before = recordOf([soft(1)]);
    const copy = structuredClone(before);
    applySignal(before, soft(2));
    applySignal(before, hard(2));
    expect(before).toEqual(copy);
  });
});

describe('an address', () => {
  it('without a record is not suppressed', () => {
    expect(toSuppression(NO_RECORD, POLICY, at(0))).toBeUndefined();
  });

  it.each(['hard-bounce', 'complaint'] as const)('is permanently suppressed by one %s', (kind) => {
    const record = recordOf([hard(1, kind)]);
    for (const now of [1, 1000]) {
      expect(toSuppression(record, POLICY, at(now))).toEqual({
        reason: kind,
        since: at(1),
        deliveryId: 'd-hard',
      });
    }
  });

  it('is suppressed by a complaint before all else, and by a hard bounce before soft ones', () => {
    const softly = [soft(1), soft(2), soft(3)];
    expect(reasonAt(recordOf([...softly, hard(1), hard(1, 'complaint')]), 3)).toBe('complaint');
    expect(reasonAt(recordOf([...softly, hard(1)]), 3)).toBe('hard-bounce');
    expect(reasonAt({ ...recordOf(softly), manual: { at: at(0) } }, 3)).toBe('manual');
    expect(reasonAt(recordOf(softly), 3)).toBe('soft-bounces');
  });

  it('is suppressed by as many soft bounces as the policy requires, while they are in its window', () => {
    const record = recordOf([soft(2), soft(0), soft(1)]);
    expect(toSuppression(recordOf([soft(2), soft(0)]), POLICY, at(2))).toBeUndefined();
    expect(toSuppression(record, POLICY, at(2))).toEqual({
      reason: 'soft-bounces',
      since: at(2),
      deliveryId: 'd-m2',
    });
    expect(reasonAt(record, 6.9)).toBe('soft-bounces');
    expect(reasonAt(record, 7)).toBeUndefined();
  });

  it('is not suppressed by one message that bounced three times', () => {
    expect(reasonAt(recordOf([soft(1, 'm'), soft(2, 'm'), soft(3, 'm')]), 3)).toBeUndefined();
  });
});

describe('a removal', () => {
  it('clears all signals up to then, whenever they are reported', () => {
    fc.assert(
      fc.property(fc.array(signal), fc.array(signal), (before, after) => {
        const removed = { ...recordOf(before), manual: { at: at(0) }, removedAt: LATEST };
        expect(toSuppression(after.reduce(applySignal, removed), POLICY, at(1))).toBeUndefined();
      }),
    );
  });

  it('does not clear later signals, and older signals do not hide them', () => {
    const removed = { ...NO_RECORD, removedAt: at(1) };
    for (const kind of ['hard-bounce', 'complaint'] as const) {
      expect(reasonAt([hard(2, kind), hard(0, kind)].reduce(applySignal, removed), 2)).toBe(kind);
      expect(reasonAt([hard(0, kind), hard(2, kind)].reduce(applySignal, removed), 2)).toBe(kind);
    }
    const softly = [soft(0), soft(2), soft(0.5), soft(3)];
    expect(reasonAt(softly.reduce(applySignal, removed), 4)).toBeUndefined();
    expect(reasonAt([...softly, soft(4)].reduce(applySignal, removed), 4)).toBe('soft-bounces');
    expect(reasonAt({ ...removed, manual: { at: at(2) } }, 2)).toBe('manual');
  });
});
