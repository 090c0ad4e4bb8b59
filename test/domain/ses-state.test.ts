import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type DeliveryStatus, mergeStatus } from '../../lib/domain/delivery-status.ts';
import { withReceipt } from '../../lib/domain/delivery-trace.ts';
import type { Receipt } from '../../lib/domain/receipt.ts';
import { deriveSesState, RecipientTally, sesStateOf } from '../../lib/domain/ses-state.ts';
import { aBounce, aReceipt } from '../support/a-receipt.ts';
import { arbitraryFate } from '../support/arbitrary-status.ts';

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

describe('counts over recipients', () => {
  const news = fc.array(fc.record({ address: fc.constantFrom(...ALL), status: arbitraryFate }), {
    maxLength: 12,
  });
  const handedOver = fc.subarray(ALL, { minLength: 1 });

  it('give the state of all statuses, one status after another, unless they ask to count again', () => {
    let kept = 0;
    fc.assert(
      fc.property(news, handedOver, (reported, owed) => {
        const attempted = { handedOver: owed, takenBySmtp: ALL };
        const statuses: Record<string, DeliveryStatus> = {};
        let counts = new RecipientTally({
          recipients: ALL.length,
          handedOver: owed.length,
          statuses: {},
          losses: [],
        }).counts();
        for (const { address, status } of reported.filter((one) => owed.includes(one.address))) {
          const before = statuses[address];
          const after = mergeStatus(before ?? status, status);
          statuses[address] = after;
          const tally = new RecipientTally(JSON.parse(JSON.stringify(counts)));
          if (!tally.replace(address, before, after)) return;
          counts = tally.counts();
        }
        kept += 1;
        expect(sesStateOf(counts)).toEqual(deriveSesState(statuses, attempted));
      }),
      { numRuns: 2_000 },
    );
    expect(kept).toBeGreaterThan(500);
  });
});
