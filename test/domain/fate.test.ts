import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Fate, isNews, isSameFate, laterFate, laterFates } from '../../lib/domain/delivery-status.ts';
import { arbitraryKnownFate } from '../support/arbitrary-fate.ts';

const at = (second: number) => `2026-08-01T10:00:${String(second).padStart(2, '0')}.000Z`;
const fate = (kind: Fate['kind'], second: number, more: Partial<Fate> = {}): Fate => ({
  kind,
  at: at(second),
  ...more,
});
const bounce = { type: 'Permanent', subType: 'General' } as const;

/** As it comes out of a store that keeps no order of fields. */
function reversed<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, field]) => [key, reversed(field)]);
  return Object.fromEntries(entries.reverse());
}

describe('what is known after two fates', () => {
  it('is the same whichever came first', () => {
    fc.assert(
      fc.property(arbitraryKnownFate, arbitraryKnownFate, (one, other) => {
        expect(laterFate(one, other)).toEqual(laterFate(other, one));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same in whatever groups more of them came', () => {
    fc.assert(
      fc.property(arbitraryKnownFate, arbitraryKnownFate, arbitraryKnownFate, (one, two, three) => {
        expect(laterFate(laterFate(one, two), three)).toEqual(laterFate(one, laterFate(two, three)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same however often each of them came', () => {
    fc.assert(
      fc.property(arbitraryKnownFate, arbitraryKnownFate, (one, other) => {
        const known = laterFate(one, other);
        expect(laterFate(known, one)).toEqual(known);
        expect(laterFate(known, known)).toEqual(known);
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not depend on how a fate is written down', () => {
    fc.assert(
      fc.property(arbitraryKnownFate, arbitraryKnownFate, (one, other) => {
        const stored = reversed(JSON.parse(JSON.stringify(one)));
        expect(isSameFate(one, stored)).toBe(true);
        expect(laterFate(stored, other)).toEqual(laterFate(one, other));
      }),
      { numRuns: 2_000 },
    );
  });

  it('goes from sent to delivered to complained or bounced for ever, and never back', () => {
    const steps = [
      fate('expired', 9),
      fate('suppressed', 9),
      fate('failed', 9),
      fate('sent', 1),
      fate('delivery_delayed', 2),
      fate('delivered', 3),
      fate('bounced', 4, { bounce: { type: 'Transient', subType: 'General' } }),
      fate('complained', 5),
      fate('bounced', 4, { bounce }),
      fate('failed', 1, { sesMessageId: 'ses-1' }),
    ];
    for (const [index, known] of steps.entries()) {
      for (const later of steps.slice(index + 1)) {
        expect(isNews(known, later)).toBe(true);
        expect(isNews(later, known)).toBe(false);
        expect(laterFate(later, known)).toMatchObject(later);
      }
    }
  });

  it('keeps when it was delivered, whatever came after', () => {
    const bounced = fate('bounced', 9, { bounce });

    expect(laterFate(bounced, fate('delivered', 3))).toEqual({ ...bounced, deliveredAt: at(3) });
    expect(laterFate(fate('delivered', 5), fate('delivered', 3)).deliveredAt).toBe(at(3));
  });

  it('is news at the first word of a recipient, and none at a repeated one', () => {
    expect(isNews(undefined, fate('sent', 1))).toBe(true);
    expect(isNews(fate('sent', 1), fate('sent', 0))).toBe(false);
  });
});

describe('what is known of several recipients', () => {
  it('is merged one by one, and neither side is changed', () => {
    const known = { 'a@example.org': fate('sent', 1) };
    const news = { 'a@example.org': fate('bounced', 2, { bounce }), 'b@example.org': fate('sent', 1) };

    expect(laterFates(known, news)).toEqual(news);
    expect(known).toEqual({ 'a@example.org': fate('sent', 1) });
  });
});
