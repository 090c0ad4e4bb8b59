import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DeliveryStatus } from '../../lib/domain/delivery-status.ts';
import {
  deriveSesState,
  type ReportedStatuses,
  readStoredStatuses,
  withReceipt,
} from '../../lib/domain/delivery-trace.ts';
import { type Receipt, toReceipts } from '../../lib/domain/receipt.ts';
import { aBounce, aReceipt } from '../support/a-receipt.ts';
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

const ALL = ['marie@example.org', 'paul@example.org', 'eve@example.org'];

/** The state of a mail that was handed over for all of them, after some receipts. */
function stateAfter(receipts: readonly Receipt[], handedOver = ALL, acceptedBySmtp: readonly string[] = []) {
  const reported = receipts.reduce(withReceipt, { statuses: {}, messageIds: [] });
  return deriveSesState(reported.statuses, { handedOver, takenBySmtp: acceptedBySmtp });
}

const delivered = (recipients: readonly string[], seconds = 0) =>
  aReceipt('mail-1', 'delivered', recipients, { seconds });
const sent = aReceipt('mail-1', 'sent', ALL);

describe('the state of a mail that was handed over', () => {
  it('is delivered once all recipients have it, since the last of them got it', () => {
    expect(stateAfter([sent, delivered(ALL.slice(0, 2), 5)])).toEqual({ status: 'sending' });
    expect(stateAfter([sent, delivered(ALL.slice(0, 2), 5), delivered(['EVE@example.org'], 3)])).toEqual({
      status: 'delivered',
      deliveredAt: '2026-11-22T10:00:05.000Z',
    });
  });

  it('is not delivered because SES or SMTP accepted it', () => {
    expect(stateAfter([sent])).toEqual({ status: 'sending' });
    expect(stateAfter([], ALL.slice(0, 1), ALL.slice(1))).toEqual({ status: 'sending' });
    expect(stateAfter([sent, aReceipt('mail-1', 'delivery_delayed', ALL)])).toEqual({ status: 'sending' });
  });

  it('does not wait for recipients that SMTP accepted', () => {
    expect(stateAfter([delivered(ALL.slice(0, 1))], ALL.slice(0, 1), ALL.slice(1))?.status).toBe('delivered');
  });

  it('fails if one of three recipients bounced, with a reason without a full address', () => {
    const state = stateAfter([delivered(ALL.slice(0, 2)), aBounce('mail-1', ['eve@example.org'])]);

    expect(state).toEqual({
      status: 'failed',
      lastError:
        'bounced (Permanent/General): 550 5.1.1 <e***@example.org>: no such user for 1 of 3 recipients',
    });
  });

  it('has each reason for which recipients were lost', () => {
    const state = stateAfter([
      aBounce('mail-1', ['eve@example.org']),
      aReceipt('mail-1', 'suppressed', ['marie@example.org', 'paul@example.org'], { reason: 'complaint' }),
    ]);

    expect(state?.lastError).toBe(
      'bounced (Permanent/General): 550 5.1.1 <e***@example.org>: no such user for 1 of 3 recipients; ' +
        'suppressed (complaint) for 2 of 3 recipients',
    );
  });

  it('counts recipients that SMTP accepted among all', () => {
    expect(stateAfter([aBounce('mail-1', ['eve@example.org'])], ['eve@example.org'], ALL)?.lastError).toMatch(
      /for 1 of 3 recipients$/,
    );
  });

  it('stays delivered when a recipient complains, since the same time', () => {
    const complaint = aReceipt('mail-1', 'complained', ['marie@example.org'], { seconds: 50 });

    expect(stateAfter([delivered(ALL, 7), complaint])).toEqual(stateAfter([delivered(ALL, 7)]));
  });

  it('goes from failed to delivered if its dead letter was redriven', () => {
    const parked: Receipt = {
      ...aReceipt('mail-1', 'failed', ALL, { reason: 'too-old' }),
      sesMessageId: undefined,
    };

    expect(stateAfter([parked])).toMatchObject({ status: 'failed' });
    expect(stateAfter([parked, sent])).toEqual({ status: 'sending' });
    expect(stateAfter([delivered(ALL), parked])).toMatchObject({ status: 'delivered' });
  });

  it('ignores recipients that it was not handed over for', () => {
    expect(stateAfter([delivered(ALL), aBounce('mail-1', ['stranger@example.org'])])?.status).toBe(
      'delivered',
    );
    expect(stateAfter([delivered(ALL)], [])).toBeUndefined();
  });

  it('is described in a few lines, for any number of recipients and responses', () => {
    const many = Array.from({ length: 100 }, (_, index) => `buyer-${index}@example.org`);
    const bounces = many.map((address, index) =>
      aReceipt('mail-1', 'bounced', [], {
        bounce: { type: 'Permanent', subType: `Type${index}` },
        recipients: [{ address, smtpResponse: `550 ${'x'.repeat(990)}` }],
      }),
    );

    const { lastError = '' } = stateAfter(bounces, many) ?? {};
    expect(lastError.length).toBeLessThan(1_000);
    expect(lastError).toMatch(/; and for 97 more reasons$/);
  });
});
