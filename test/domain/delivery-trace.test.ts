import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DeliveryStatus } from '../../lib/domain/delivery-status.ts';
import { type ReportedStatuses, readStoredStatuses, withReceipt } from '../../lib/domain/delivery-trace.ts';
import { type Receipt, toReceipts } from '../../lib/domain/receipt.ts';
import { deriveSesState } from '../../lib/domain/ses-state.ts';
import { aReceipt } from '../support/a-receipt.ts';
import { arbitraryFate } from '../support/arbitrary-status.ts';

const RECIPIENTS = ['marie@example.org', 'Paul@Example.org', 'eve@example.org'];
const NOTHING: ReportedStatuses = { statuses: {}, messageIds: [] };

const receipts = fc
  .array(fc.record({ address: fc.constantFrom(...RECIPIENTS), status: arbitraryFate }), { minLength: 1 })
  .map((reported) => toReceipts({ id: 'mail-1', region: 'eu-west-1' }, reported));

const applyAll = (applied: readonly Receipt[], before = NOTHING) => applied.reduce(withReceipt, before);

/** As a row stores it: written as JSON, and read again. */
const stored = ({ statuses, messageIds }: ReportedStatuses): ReportedStatuses => ({
  statuses: readStoredStatuses(JSON.parse(JSON.stringify(statuses))),
  messageIds,
});

const shuffled = receipts.chain((applied) =>
  fc.tuple(
    fc.constant(applied),
    fc.shuffledSubarray([...applied, ...applied], {
      minLength: 2 * applied.length,
      maxLength: 2 * applied.length,
    }),
  ),
);

describe('the statuses from receipts', () => {
  it('are the same in any order, for any repetition, and with storing in between', () => {
    fc.assert(
      fc.property(shuffled, ([inOrder, inDisorder]) => {
        const one = applyAll(inOrder);
        const other = inDisorder.reduce((trace, receipt) => stored(withReceipt(trace, receipt)), NOTHING);

        expect(stored(other)).toEqual(stored(one));
        const attempted = { handedOver: RECIPIENTS, takenBySmtp: [] };
        expect(deriveSesState(other.statuses, attempted)).toEqual(deriveSesState(one.statuses, attempted));
      }),
      { numRuns: 500 },
    );
  });

  it('are the same object after known receipts', () => {
    fc.assert(
      fc.property(receipts, (applied) => {
        const known = stored(applyAll(applied));

        for (const receipt of applied) expect(withReceipt(known, receipt)).toBe(known);
      }),
      { numRuns: 500 },
    );
  });

  it('are merged without reading recipients that are not in the receipt', () => {
    const unread = new Proxy<DeliveryStatus>(
      { kind: 'sent', at: '2026-08-01T10:00:00Z' },
      {
        get: () => expect(true).toBe(false),
      },
    );
    const known: ReportedStatuses = { statuses: { 'eve@example.org': unread }, messageIds: [] };

    const trace = withReceipt(known, aReceipt('mail-1', 'sent', ['marie@example.org']));

    expect(Object.keys(trace.statuses)).toEqual(['eve@example.org', 'marie@example.org']);
  });

  it('include every Message-ID that a recipient may reply to', () => {
    const trace = applyAll([
      aReceipt('mail-1', 'sent', ['marie@example.org'], { messageId: '<2@eu-west-1.amazonses.com>' }),
      aReceipt('mail-1', 'sent', ['paul@example.org'], { messageId: '<1@eu-west-1.amazonses.com>' }),
    ]);

    expect(trace.messageIds).toEqual(['<1@eu-west-1.amazonses.com>', '<2@eu-west-1.amazonses.com>']);
  });
});

describe('the statuses in a row', () => {
  it('are read from any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (anything) => {
        const statuses = { a: { kind: 'sent', at: '2026-08-01T10:00:00Z' } };
        const read = readStoredStatuses(
          typeof anything === 'object' && !Array.isArray(anything) ? { ...anything, ...statuses } : statuses,
        );

        expect(read).toMatchObject(statuses);
        expect(() => readStoredStatuses(anything)).not.toThrow();
      }),
    );
  });

  it.each([
    [{ kind: 'sent', at: 'soon' }],
    [{ kind: 'sent' }],
    [{ kind: 'lost', at: '2026-08-01T10:00:00Z' }],
    ['sent'],
    [null],
  ])('are empty for %j', (value) => {
    expect(readStoredStatuses({ 'marie@example.org': value })).toEqual({});
  });
});
