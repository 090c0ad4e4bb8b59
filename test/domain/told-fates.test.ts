import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Fate } from '../../lib/domain/delivery-status.ts';
import { readStoredFates, sesStateOf, type ToldFates, withReceipt } from '../../lib/domain/delivery-trace.ts';
import { type Receipt, receiptsOf } from '../../lib/domain/receipt.ts';
import { aReceipt } from '../support/a-receipt.ts';
import { arbitraryFate } from '../support/arbitrary-fate.ts';

const RECIPIENTS = ['marie@example.org', 'Paul@Example.org', 'eve@example.org'];
const NOTHING: ToldFates = { fates: {}, messageIds: [] };

const receipts = fc
  .array(fc.record({ address: fc.constantFrom(...RECIPIENTS), fate: arbitraryFate }), { minLength: 1 })
  .map((told) => receiptsOf({ id: 'mail-1', region: 'eu-west-1' }, told));

const tellAll = (told: readonly Receipt[], before = NOTHING) => told.reduce(withReceipt, before);

/** As a row keeps it: written as JSON, and read again. */
const stored = ({ fates, messageIds }: ToldFates): ToldFates => ({
  fates: readStoredFates(JSON.parse(JSON.stringify(fates))),
  messageIds,
});

const shuffled = receipts.chain((told) =>
  fc.tuple(
    fc.constant(told),
    fc.shuffledSubarray([...told, ...told], { minLength: 2 * told.length, maxLength: 2 * told.length }),
  ),
);

describe('what receipts tell', () => {
  it('is the same in any order, however often each comes, and whatever is stored in between', () => {
    fc.assert(
      fc.property(shuffled, ([inOrder, inDisorder]) => {
        const one = tellAll(inOrder);
        const other = inDisorder.reduce((told, receipt) => stored(withReceipt(told, receipt)), NOTHING);

        expect(stored(other)).toEqual(stored(one));
        const attempted = { handedOver: RECIPIENTS, takenBySmtp: [] };
        expect(sesStateOf(other.fates, attempted)).toEqual(sesStateOf(one.fates, attempted));
      }),
      { numRuns: 500 },
    );
  });

  it('is not made anew by what was told before', () => {
    fc.assert(
      fc.property(receipts, (told) => {
        const known = stored(tellAll(told));

        for (const receipt of told) expect(withReceipt(known, receipt)).toBe(known);
      }),
      { numRuns: 500 },
    );
  });

  it('is added without a look at those whom the receipt does not name', () => {
    const unread = new Proxy<Fate>(
      { kind: 'sent', at: '2026-08-01T10:00:00Z' },
      {
        get: () => expect(true).toBe(false),
      },
    );
    const known: ToldFates = { fates: { 'eve@example.org': unread }, messageIds: [] };

    const told = withReceipt(known, aReceipt('mail-1', 'sent', ['marie@example.org']));

    expect(Object.keys(told.fates)).toEqual(['eve@example.org', 'marie@example.org']);
  });

  it('keeps every Message-ID that a recipient may reply to', () => {
    const told = tellAll([
      aReceipt('mail-1', 'sent', ['marie@example.org'], { messageId: '<2@eu-west-1.amazonses.com>' }),
      aReceipt('mail-1', 'sent', ['paul@example.org'], { messageId: '<1@eu-west-1.amazonses.com>' }),
    ]);

    expect(told.messageIds).toEqual(['<1@eu-west-1.amazonses.com>', '<2@eu-west-1.amazonses.com>']);
  });
});

describe('the fates that a row holds', () => {
  it('are read out of anything', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (anything) => {
        const fates = { a: { kind: 'sent', at: '2026-08-01T10:00:00Z' } };
        const read = readStoredFates(
          typeof anything === 'object' && !Array.isArray(anything) ? { ...anything, ...fates } : fates,
        );

        expect(read).toMatchObject(fates);
        expect(() => readStoredFates(anything)).not.toThrow();
      }),
    );
  });

  it.each([
    [{ kind: 'sent', at: 'soon' }],
    [{ kind: 'sent' }],
    [{ kind: 'lost', at: '2026-08-01T10:00:00Z' }],
    ['sent'],
    [null],
  ])('are none where %j stands', (value) => {
    expect(readStoredFates({ 'marie@example.org': value })).toEqual({});
  });
});
