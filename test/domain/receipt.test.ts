import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type DeliveryStatus, mergeStatuses } from '../../lib/domain/delivery-status.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../lib/domain/limits.ts';
import {
  parseReceipt,
  serialiseReceipt,
  toReceipts,
  toSmtpMessageId,
  toStatuses,
} from '../../lib/domain/receipt.ts';
import { arbitraryFate } from '../support/arbitrary-status.ts';

const subject = { id: 'reply-1', tenantId: 'shop-1', region: 'eu-west-1' };
const sent: DeliveryStatus = { kind: 'sent', at: '2026-08-01T10:00:00.000Z', sesMessageId: 'ses-1' };
const aReceipt = () => {
  const [receipt] = toReceipts(subject, [{ address: 'marie@example.org', status: sent }]);
  if (receipt === undefined) throw new Error('no receipt');
  return receipt;
};
/** The receipt with changes, as the text of a message. */
const changed = (fields: object) => JSON.stringify({ ...aReceipt(), ...fields });
const buyers = (count: number) => Array.from({ length: count }, (_, index) => `buyer-${index}@example.org`);

describe('the receipts of some statuses', () => {
  it('have all of them, through the queue and back', () => {
    const anyStatuses = fc.array(
      fc.record({ address: fc.constantFrom(...buyers(8)), status: arbitraryFate }),
      {
        minLength: 1,
      },
    );
    fc.assert(
      fc.property(anyStatuses, (statuses) => {
        const received = toReceipts(subject, statuses).map((receipt) =>
          parseReceipt(serialiseReceipt(receipt)),
        );
        const known = received.reduce(
          (before, parsed) =>
            parsed.kind === 'receipt' ? mergeStatuses(before, toStatuses(parsed.receipt)) : {},
          {},
        );

        const expected = statuses.reduce(
          (before, { address, status }) => mergeStatuses(before, { [address]: status }),
          {},
        );
        expect(known).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('are one for recipients of the same status, with the Message-ID that replies will refer to', () => {
    const receipts = toReceipts(
      subject,
      buyers(3).map((address) => ({ address, status: sent })),
    );

    expect(receipts).toEqual([
      {
        version: 1,
        id: 'reply-1',
        tenantId: 'shop-1',
        kind: 'sent',
        at: sent.at,
        sesMessageId: 'ses-1',
        messageId: '<ses-1@eu-west-1.amazonses.com>',
        recipients: buyers(3).map((address) => ({ address })),
      },
    ]);
  });

  it('fit into SQS messages, for any responses of servers', () => {
    const status: DeliveryStatus = {
      ...sent,
      kind: 'bounced',
      bounce: { type: 'Permanent', subType: 'General' },
      smtpResponse: '\u0001'.repeat(1000),
    };
    const receipts = toReceipts(
      subject,
      buyers(250).map((address) => ({ address, status: status })),
    );

    expect(receipts.flatMap(({ recipients }) => recipients.map(({ address }) => address))).toEqual(
      buyers(250),
    );
    for (const receipt of receipts) {
      expect(Buffer.byteLength(serialiseReceipt(receipt))).toBeLessThan(MAX_QUEUE_MESSAGE_BYTES);
    }
  });
});

describe('the Message-ID that SES writes', () => {
  it('contains the Region, except for us-east-1', () => {
    expect(toSmtpMessageId('x', 'eu-west-1')).toBe('<x@eu-west-1.amazonses.com>');
    expect(toSmtpMessageId('x', 'us-east-1')).toBe('<x@email.amazonses.com>');
  });
});

describe('a parsed receipt', () => {
  it('is read behind a byte order mark', () => {
    expect(parseReceipt(`\ufeff${changed({})}`)).toEqual({ kind: 'receipt', receipt: aReceipt() });
  });

  it('may have fields of a later version', () => {
    expect(parseReceipt(changed({ later: true }))).toEqual({ kind: 'receipt', receipt: aReceipt() });
  });

  it.each([
    ['invalid JSON', '{'],
    ['nothing', ''],
    ['another version', changed({ version: 2 })],
    ['an unknown kind', changed({ kind: 'secret-word' })],
    ['no recipients', changed({ recipients: [] })],
    ['no address', changed({ recipients: [{ address: 'secret-word' }] })],
    ['an invalid time', changed({ at: 'secret-word' })],
    ['an id with a line break', changed({ id: 'secret-word\n' })],
    ['a bounce of no type', changed({ bounce: { type: 'secret-word', subType: 'General' } })],
    ['more than a message can contain', changed({ later: 'x'.repeat(MAX_QUEUE_MESSAGE_BYTES) })],
  ])('is unreadable with %s, and its values are not repeated', (_, text) => {
    const parsed = parseReceipt(text);

    expect(parsed).toEqual({ kind: 'unreadable', detail: expect.any(String) });
    expect(JSON.stringify(parsed)).not.toContain('secret-word');
  });

  it('never throws, and accepts nothing that it would not write', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(aReceipt())), fc.jsonValue(), (field, value) => {
        const parsed = parseReceipt(JSON.stringify({ ...aReceipt(), [field]: value }));
        if (parsed.kind === 'receipt') {
          expect(parseReceipt(serialiseReceipt(parsed.receipt))).toEqual(parsed);
        }
      }),
      { numRuns: 500 },
    );
  });
});
