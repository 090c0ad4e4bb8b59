import { describe, expect, it } from '@jest/globals';
import { sesStateOf, withReceipt } from '../../lib/domain/delivery-trace.ts';
import type { Receipt } from '../../lib/domain/receipt.ts';
import { aBounce, aReceipt } from '../support/a-receipt.ts';

const ALL = ['marie@example.org', 'paul@example.org', 'eve@example.org'];

/** The state of a mail that was handed over for all of them, after some receipts. */
function stateAfter(receipts: readonly Receipt[], handedOver = ALL, takenBySmtp: readonly string[] = []) {
  const told = receipts.reduce(withReceipt, { fates: {}, messageIds: [] });
  return sesStateOf(told.fates, { handedOver, takenBySmtp });
}

const delivered = (recipients: readonly string[], seconds = 0) =>
  aReceipt('mail-1', 'delivered', recipients, { seconds });
const sent = aReceipt('mail-1', 'sent', ALL);

describe('the state of a mail that was handed over', () => {
  it('is delivered once all of them have it, since the last of them got it', () => {
    expect(stateAfter([sent, delivered(ALL.slice(0, 2), 5)])).toEqual({ status: 'sending' });
    expect(stateAfter([sent, delivered(ALL.slice(0, 2), 5), delivered(['EVE@example.org'], 3)])).toEqual({
      status: 'delivered',
      deliveredAt: '2026-11-22T10:00:05.000Z',
    });
  });

  it('is not delivered by what SES or SMTP took', () => {
    expect(stateAfter([sent])).toEqual({ status: 'sending' });
    expect(stateAfter([], ALL.slice(0, 1), ALL.slice(1))).toEqual({ status: 'sending' });
    expect(stateAfter([sent, aReceipt('mail-1', 'delivery_delayed', ALL)])).toEqual({ status: 'sending' });
  });

  it('does not wait for those whom SMTP took', () => {
    expect(stateAfter([delivered(ALL.slice(0, 1))], ALL.slice(0, 1), ALL.slice(1))?.status).toBe('delivered');
  });

  it('is failed by one of three that bounced, and says so without a whole address', () => {
    const state = stateAfter([delivered(ALL.slice(0, 2)), aBounce('mail-1', ['eve@example.org'])]);

    expect(state).toEqual({
      status: 'failed',
      lastError:
        'bounced (Permanent/General): 550 5.1.1 <e***@example.org>: no such user for 1 of 3 recipients',
    });
  });

  it('tells each way in which recipients were lost', () => {
    const state = stateAfter([
      aBounce('mail-1', ['eve@example.org']),
      aReceipt('mail-1', 'suppressed', ['marie@example.org', 'paul@example.org'], { reason: 'complaint' }),
    ]);

    expect(state?.lastError).toBe(
      'bounced (Permanent/General): 550 5.1.1 <e***@example.org>: no such user for 1 of 3 recipients; ' +
        'suppressed (complaint) for 2 of 3 recipients',
    );
  });

  it('counts whom SMTP took among the recipients', () => {
    expect(stateAfter([aBounce('mail-1', ['eve@example.org'])], ['eve@example.org'], ALL)?.lastError).toMatch(
      /for 1 of 3 recipients$/,
    );
  });

  it('stays delivered when a recipient complains, and since then', () => {
    const complaint = aReceipt('mail-1', 'complained', ['marie@example.org'], { seconds: 50 });

    expect(stateAfter([delivered(ALL, 7), complaint])).toEqual(stateAfter([delivered(ALL, 7)]));
  });

  it('goes from failed to delivered where a dead letter was sent after all', () => {
    const parked: Receipt = {
      ...aReceipt('mail-1', 'failed', ALL, { reason: 'too-old' }),
      sesMessageId: undefined,
    };

    expect(stateAfter([parked])).toMatchObject({ status: 'failed' });
    expect(stateAfter([parked, sent])).toEqual({ status: 'sending' });
    expect(stateAfter([delivered(ALL), parked])).toMatchObject({ status: 'delivered' });
  });

  it('takes no notice of whom it was not handed over for', () => {
    expect(stateAfter([delivered(ALL), aBounce('mail-1', ['stranger@example.org'])])?.status).toBe(
      'delivered',
    );
    expect(stateAfter([delivered(ALL)], [])).toBeUndefined();
  });

  it('is told in a few lines, however many recipients and answers there are', () => {
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
