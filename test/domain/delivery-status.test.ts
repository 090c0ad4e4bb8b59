import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type DeliveryStatus,
  isNewer,
  isSameStatus,
  mergeStatus,
  mergeStatuses,
} from '../../lib/domain/delivery-status.ts';
import { arbitraryKnownFate } from '../support/arbitrary-status.ts';

const at = (second: number) => `2026-08-01T10:00:${String(second).padStart(2, '0')}.000Z`;
const status = (
  kind: DeliveryStatus['kind'],
  second: number,
  more: Partial<DeliveryStatus> = {},
): DeliveryStatus => ({
  kind,
  at: at(second),
  ...more,
});
const bounce = { type: 'Permanent', subType: 'General' } as const;

/** As returned by a store that does not keep the order of fields. */
function reversed<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, field]) => [key, reversed(field)]);
  return Object.fromEntries(entries.reverse());
}

describe('the merge of two statuses', () => {
  it('is the same in either order', () => {
    fc.assert(
      fc.property(arbitraryKnownFate, arbitraryKnownFate, (one, other) => {
        expect(mergeStatus(one, other)).toEqual(mergeStatus(other, one));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same for any grouping of more than two', () => {
    fc.assert(
      fc.property(arbitraryKnownFate, arbitraryKnownFate, arbitraryKnownFate, (one, two, three) => {
        expect(mergeStatus(mergeStatus(one, two), three)).toEqual(mergeStatus(one, mergeStatus(two, three)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same for any repetition', () => {
    fc.assert(
      fc.property(arbitraryKnownFate, arbitraryKnownFate, (one, other) => {
        const known = mergeStatus(one, other);
        expect(mergeStatus(known, one)).toEqual(known);
        expect(mergeStatus(known, known)).toEqual(known);
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not depend on the representation of a status', () => {
    fc.assert(
      fc.property(arbitraryKnownFate, arbitraryKnownFate, (one, other) => {
        const stored = reversed(JSON.parse(JSON.stringify(one)));
        expect(isSameStatus(one, stored)).toBe(true);
        expect(mergeStatus(stored, other)).toEqual(mergeStatus(one, other));
      }),
      { numRuns: 2_000 },
    );
  });

  it('goes from sent to delivered to complained or permanently bounced, and never back', () => {
    const steps = [
      status('expired', 9),
      status('suppressed', 9),
      status('failed', 9),
      status('sent', 1),
      status('delivery_delayed', 2),
      status('delivered', 3),
      status('bounced', 4, { bounce: { type: 'Transient', subType: 'General' } }),
      status('complained', 5),
      status('bounced', 4, { bounce }),
      status('failed', 1, { sesMessageId: 'ses-1' }),
    ];
    for (const [index, known] of steps.entries()) {
      for (const later of steps.slice(index + 1)) {
        expect(isNewer(known, later)).toBe(true);
        expect(isNewer(later, known)).toBe(false);
        expect(mergeStatus(later, known)).toMatchObject(later);
      }
    }
  });

  it('keeps the time of delivery, regardless of later statuses', () => {
    const bounced = status('bounced', 9, { bounce });

    expect(mergeStatus(bounced, status('delivered', 3))).toEqual({ ...bounced, deliveredAt: at(3) });
    expect(mergeStatus(status('delivered', 5), status('delivered', 3)).deliveredAt).toBe(at(3));
  });

  it('is newer for the first status of a recipient, and not for a repeated one', () => {
    expect(isNewer(undefined, status('sent', 1))).toBe(true);
    expect(isNewer(status('sent', 1), status('sent', 0))).toBe(false);
  });
});

describe('the statuses of several recipients', () => {
  it('are merged one by one, and neither side is changed', () => {
    const known = { 'a@example.org': status('sent', 1) };
    const news = { 'a@example.org': status('bounced', 2, { bounce }), 'b@example.org': status('sent', 1) };

    expect(mergeStatuses(known, news)).toEqual(news);
    expect(known).toEqual({ 'a@example.org': status('sent', 1) });
  });
});
