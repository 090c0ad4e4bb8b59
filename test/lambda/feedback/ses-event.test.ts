import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ParsedSesEvent, parseSesEvent, type SesEvent } from '../../../lambda/feedback/ses-event.ts';
import type { DeliveryStatus } from '../../../lib/domain/delivery-status.ts';
import { MAX_RESPONSE_CHARACTERS } from '../../../lib/domain/failure.ts';
import { parseReceipt, serialiseReceipt, toReceipts } from '../../../lib/domain/receipt.ts';
import { aBounce, aBounceOf, aComplaint, aDelay, aDelivery, anEvent, aSend } from '../../support/an-event.ts';

const parse = (text: string) => parseSesEvent(text, 'keybuzz.io');
const at = '2026-08-01T10:00:07.000Z';
const marie = 'marie@example.org';

function eventIn(text: string): SesEvent {
  const parsed = parse(text);
  if (parsed.kind !== 'event') throw new Error(JSON.stringify(parsed));
  return parsed.event;
}

/** The statuses of an event besides that SES accepted the mail. */
function ownFates(text: string): [address: string, status: DeliveryStatus][] {
  return eventIn(text)
    .statuses.filter(({ status }) => status.kind !== 'sent')
    .map(({ address, status }) => [address, status]);
}

/** A bounce of two recipients with one field changed. */
const aBounceWith = (recipient: object, to = [marie, 'paul@example.org']) =>
  JSON.stringify(
    anEvent(
      'Bounce',
      { bounce: aBounceOf({ recipients: [{ emailAddress: marie, ...recipient }] }, at) },
      { to },
    ),
  );

/** A Send event with changes to its mail object. */
function withMail(changes: object): string {
  const event = anEvent('Send');
  return JSON.stringify({ ...event, mail: { ...event.mail, ...changes } });
}

/** A Send event with these tags. */
const withTags = (tags: object) => withMail({ tags: { deliveryId: ['reply-1'], ...tags } });

describe('an SES event', () => {
  it('has its delivery and send batch, and that SES accepted it for all recipients', () => {
    const subject = { deliveryId: 'order 5/a', part: 3, to: [marie, 'paul@example.org'] };

    expect(parse(aSend(subject))).toEqual({
      kind: 'event',
      event: {
        type: 'Send',
        deliveryId: 'order 5/a',
        part: 3,
        sesMessageId: 'ses-1',
        sentAt: '2026-08-01T10:00:00.000Z',
        destinations: subject.to,
        statuses: subject.to.map((address) => ({
          address,
          status: { kind: 'sent', at: '2026-08-01T10:00:00.000Z', sesMessageId: 'ses-1' },
        })),
        strangers: 0,
        automaticReplies: 0,
      },
    });
  });

  it('is about the first send batch if it names none', () => {
    expect(eventIn(withTags({})).part).toBe(0);
  });

  it('reports a delivery, with the response of the server', () => {
    expect(ownFates(aDelivery(marie, at))).toEqual([
      [
        marie,
        {
          kind: 'delivered',
          at,
          sesMessageId: 'ses-1',
          smtpResponse: '250 2.6.0 Message received',
          enhancedStatus: '2.6.0',
        },
      ],
    ]);
  });

  it('reports a delay', () => {
    expect(ownFates(aDelay(marie, at))).toEqual([
      [
        marie,
        {
          kind: 'delivery_delayed',
          at,
          sesMessageId: 'ses-1',
          smtpResponse: '452 4.2.2 mailbox full',
          enhancedStatus: '4.2.2',
        },
      ],
    ]);
  });

  it.each([
    ['Permanent', 'Permanent'],
    ['Transient', 'Transient'],
    ['Undetermined', 'Undetermined'],
    ['Invented', 'Undetermined'],
    ['constructor', 'Undetermined'],
  ])('reports a bounce of type %s', (type, read) => {
    expect(ownFates(aBounce(marie, at, {}, type))).toEqual([
      [
        marie,
        {
          kind: 'bounced',
          at,
          sesMessageId: 'ses-1',
          bounce: { type: read, subType: 'General' },
          smtpResponse: '550 5.1.1 user unknown',
          enhancedStatus: '5.1.1',
        },
      ],
    ]);
  });

  it.each(['two words', 'line\n', '', 'x'.repeat(201), null])(
    'reports no bounce sub-type that is not a word: %j',
    (bounceSubType) => {
      const bounce = { ...aBounceOf({ recipients: [{ emailAddress: marie }] }, at), bounceSubType };

      expect(ownFates(JSON.stringify(anEvent('Bounce', { bounce })))).toMatchObject([
        [marie, { bounce: { type: 'Permanent', subType: 'Undetermined' } }],
      ]);
    },
  );

  it.each([{}, { status: null, diagnosticCode: null }, { status: ' ', diagnosticCode: '' }])(
    'reports no bounce if a Transient one has no further details: %j',
    (recipient) => {
      const recipients = [{ emailAddress: marie, ...recipient }];
      const event = anEvent('Bounce', { bounce: aBounceOf({ type: 'Transient', recipients }, at) });

      expect(ownFates(JSON.stringify(event))).toEqual([]);
      expect(eventIn(JSON.stringify(event))).toMatchObject({ automaticReplies: 1, strangers: 0 });
    },
  );

  it.each([
    ['Transient', 'General', { status: '4.4.7' }],
    ['Transient', 'General', { diagnosticCode: 'smtp; 550 expired' }],
    ['Transient', 'MailboxFull', {}],
    ['Undetermined', 'Undetermined', {}],
    ['Permanent', 'General', {}],
  ])('reports a bounce that is %s, %s and has %j', (type, subType, recipient) => {
    const recipients = [{ emailAddress: marie, ...recipient }];
    const event = anEvent('Bounce', { bounce: aBounceOf({ type, subType, recipients }, at) });

    expect(ownFates(JSON.stringify(event))).toMatchObject([
      [marie, { kind: 'bounced', bounce: { type, subType } }],
    ]);
  });

  it('reports a complaint, with its type', () => {
    expect(ownFates(aComplaint(marie, at))).toEqual([
      [marie, { kind: 'complained', at, sesMessageId: 'ses-1', reason: 'abuse' }],
    ]);
  });

  it('reports a bounce if SES did not send because of an older complaint', () => {
    const text = aComplaint(marie, at, {}, { complaintSubType: 'OnAccountSuppressionList' });

    expect(ownFates(text)).toMatchObject([
      [marie, { kind: 'bounced', bounce: { type: 'Permanent', subType: 'OnAccountSuppressionList' } }],
    ]);
  });

  it.each([
    ['Reject', { reject: { reason: 'Bad content' } }, 'rejected-by-ses'],
    ['Rendering Failure', { failure: { errorMessage: 'no such attribute' } }, 'rendering-failed'],
  ])('reports %s for all recipients', (type, details, reason) => {
    const to = [marie, 'paul@example.org'];
    const status = { kind: 'failed', at: '2026-08-01T10:00:00.000Z', sesMessageId: 'ses-1', reason };

    expect(ownFates(JSON.stringify(anEvent(type, details, { to })))).toEqual(
      to.map((address) => [address, status]),
    );
  });

  it.each([aDelivery, aBounce, aComplaint])(
    'is read alike in the older form, with a notificationType',
    (event) => {
      const { eventType, ...others } = JSON.parse(event(marie, at));

      expect(parse(JSON.stringify({ notificationType: eventType, ...others }))).toEqual(
        parse(event(marie, at)),
      );
    },
  );

  it('is read behind a byte order mark', () => {
    expect(parse(`\ufeff${aSend()}`)).toEqual(parse(aSend()));
  });

  it('has its times in UTC', () => {
    expect(eventIn(withMail({ timestamp: '2026-08-01T12:00:00+02:00' })).sentAt).toBe(
      '2026-08-01T10:00:00.000Z',
    );
  });
});

describe('the recipient that an event names', () => {
  it.each([
    'marie@example.org',
    'Marie@EXAMPLE.org',
    'Marie <marie@example.org>',
    '<marie@example.org>',
    'rfc822; marie@example.org',
  ])('is the one that the mail was sent to: %s', (emailAddress) => {
    expect(ownFates(aBounceWith({ emailAddress }))[0]?.[0]).toBe(marie);
  });

  it('is the only recipient if the mail was forwarded to another mailbox', () => {
    expect(ownFates(aBounceWith({ emailAddress: 'm.curie@example.net' }, [marie]))[0]?.[0]).toBe(marie);
    expect(ownFates(aBounceWith({ emailAddress: 'unknown' }, [marie]))[0]?.[0]).toBe(marie);
  });

  const namingNobody = (to: readonly string[]) =>
    [
      anEvent('Delivery', { delivery: { timestamp: at, recipients: [] } }, { to }),
      anEvent('DeliveryDelay', { deliveryDelay: { timestamp: at, delayedRecipients: [] } }, { to }),
      anEvent('Bounce', { bounce: aBounceOf({ recipients: [] }, at) }, { to }),
      anEvent('Complaint', { complaint: { timestamp: at, complainedRecipients: [] } }, { to }),
    ].map((event) => JSON.stringify(event));

  it('is the only recipient if the event names nobody', () => {
    expect(namingNobody([marie]).map(ownFates)).toMatchObject([
      [[marie, { kind: 'delivered' }]],
      [[marie, { kind: 'delivery_delayed' }]],
      [[marie, { kind: 'bounced', bounce: { type: 'Permanent' } }]],
      [[marie, { kind: 'complained' }]],
    ]);
  });

  it('is no recipient if the event names nobody of several; SES has accepted the mail all the same', () => {
    for (const text of namingNobody([marie, 'paul@example.org'])) {
      expect(ownFates(text)).toEqual([]);
      expect(eventIn(text)).toMatchObject({
        strangers: 1,
        statuses: [{ address: marie }, { address: 'paul@example.org' }],
      });
    }
  });

  it('is no recipient if the mail went to several, and the address is of none of them', () => {
    const text = aBounceWith({ emailAddress: 'm.curie@example.net' });

    expect(ownFates(text)).toEqual([]);
    expect(eventIn(text).strangers).toBe(1);
  });

  it.each([
    ['that cannot be parsed', ['undisclosed', marie]],
    ['that is the same one', [marie, marie]],
  ])('is not guessed if there is another destination %s', (_, to) => {
    expect(ownFates(aBounceWith({ emailAddress: 'm.curie@example.net' }, to))).toEqual([]);
    expect(ownFates(aBounceWith({}, to))[0]?.[0]).toBe(marie);
  });

  it.each(['', '__proto__', 'constructor', 'a b@c', 'a@b, c@d'])(
    'is no recipient if it is not an address: %j',
    (emailAddress) => {
      expect(ownFates(aBounceWith({ emailAddress }))).toEqual([]);
    },
  );
});

describe('the response of a server', () => {
  const statusOf = (diagnosticCode: unknown, status?: unknown) =>
    ownFates(aBounceWith({ diagnosticCode, status }))[0]?.[1];

  it('is on one line, and truncated if too long', () => {
    expect(statusOf('smtp; 550-no\r\n550\u0000 such\tuser')?.smtpResponse).toBe('550-no 550 such user');
    expect(statusOf(`smtp; ${'x'.repeat(1_000_000)}`)?.smtpResponse).toBe(
      'x'.repeat(MAX_RESPONSE_CHARACTERS),
    );
  });

  it('has no half of a surrogate pair', () => {
    const response = statusOf(`${'x'.repeat(MAX_RESPONSE_CHARACTERS - 1)}😀`)?.smtpResponse ?? '';

    expect(response.isWellFormed()).toBe(true);
    expect(response).toHaveLength(MAX_RESPONSE_CHARACTERS);
  });

  it('is omitted if there is none', () => {
    expect(statusOf(null, null)).not.toHaveProperty('smtpResponse');
    expect(statusOf('smtp; ', undefined)).not.toHaveProperty('smtpResponse');
    expect(statusOf('', 'failed')).not.toHaveProperty('enhancedStatus');
    expect(statusOf('', '5.1.1.1')).not.toHaveProperty('enhancedStatus');
  });

  it('gives the enhanced status that SES does not report', () => {
    expect(statusOf('smtp; 550 5.7.1 blocked')?.enhancedStatus).toBe('5.7.1');
    expect(statusOf('smtp; 550 5.7.1 blocked', '5.1.1 (bad mailbox)')?.enhancedStatus).toBe('5.1.1');
  });
});

describe('what is ignored', () => {
  const ignored = (what: string, why: string, text: string) => ({ what, why, text });
  const inherited = JSON.parse('{"__proto__": {"deliveryId": ["reply-1"]}}');

  it.each([
    ignored(
      'the validation message of a topic',
      'topic-validated',
      'Successfully validated SNS topic for Amazon SES event publishing.',
    ),
    ignored(
      'the validation message of an identity',
      'topic-validated',
      JSON.stringify({
        notificationType: 'AmazonSnsSubscriptionSucceeded',
        message: 'You have subscribed …',
      }),
    ),
    ignored(
      'a notification of an identity, whose mail has no tags',
      'no-delivery-id',
      JSON.stringify({ notificationType: 'Bounce', mail: { ...anEvent('Bounce').mail, tags: undefined } }),
    ),
    ignored('an opened mail', 'not-subscribed', JSON.stringify(anEvent('Open'))),
    ignored('a followed link', 'not-subscribed', JSON.stringify(anEvent('Click'))),
    ignored('a changed subscription', 'not-subscribed', JSON.stringify(anEvent('Subscription'))),
    ignored('mail without tags', 'no-delivery-id', withMail({ tags: undefined })),
    ignored('mail without our tag', 'no-delivery-id', withMail({ tags: {} })),
    ignored('an empty id', 'no-delivery-id', withTags({ deliveryId: [''] })),
    ignored('an id that we would encode differently', 'no-delivery-id', withTags({ deliveryId: ['b64_!!'] })),
    ignored('an id that is too long', 'no-delivery-id', withTags({ deliveryId: ['x'.repeat(256)] })),
    ignored('an id in the prototype', 'no-delivery-id', withMail({ tags: inherited })),
    ignored('mail of another domain', 'other-domain', withMail({ source: 'support@elsewhere.example' })),
    ignored(
      'mail of a longer domain',
      'other-domain',
      withMail({ source: 'a@keybuzz.io.elsewhere.example' }),
    ),
    ignored('mail without a sender address', 'other-domain', withMail({ source: 'nobody' })),
    ignored(
      'a not-spam report',
      'not-spam',
      aComplaint(marie, at, {}, { complaintFeedbackType: 'not-spam' }),
    ),
  ])('is $what: $why', ({ why, text }) => {
    expect(parse(text)).toEqual({ kind: 'ignored', why });
  });

  it('does not include mail of our own domain or a subdomain, under any name', () => {
    expect(parse(withMail({ source: 'KeyBuzz Support <support@keybuzz.io>' })).kind).toBe('event');
    expect(parse(withMail({ source: 'x@bounce.KeyBuzz.io' })).kind).toBe('event');
  });
});

describe('what is unreadable', () => {
  const unreadable = (what: string, reason: string, text: string) => ({ what, reason, text });
  const buyers = Array.from({ length: 51 }, (_, index) => `buyer-${index}@example.org`);
  const notice = JSON.stringify({ Type: 'Notification', Message: aSend() });

  it.each([
    unreadable('nothing', 'not-json', ''),
    unreadable('half an object', 'not-json', '{'),
    unreadable('a list', 'wrong-schema', '[]'),
    unreadable('a text', 'wrong-schema', '"secret-word"'),
    unreadable('null', 'wrong-schema', 'null'),
    unreadable('a type in the prototype', 'wrong-schema', '{"__proto__": {"eventType": "Send"}}'),
    unreadable('a notice of SNS around it', 'wrong-schema', notice),
    unreadable('an unknown type', 'unknown-type', JSON.stringify(anEvent('secret-word'))),
    unreadable('a type that every object has', 'unknown-type', JSON.stringify(anEvent('constructor'))),
    unreadable('no mail', 'wrong-schema', '{"eventType": "Send"}'),
    unreadable('a delivery without details', 'wrong-schema', JSON.stringify(anEvent('Delivery'))),
    unreadable(
      'half a bounce',
      'wrong-schema',
      JSON.stringify(anEvent('Bounce', { bounce: { bounceType: 'x' } })),
    ),
    unreadable('an invalid time', 'wrong-schema', aDelivery(marie, 'secret-word')),
    unreadable('a day that does not exist', 'wrong-schema', aDelivery(marie, '2026-99-99T10:00:00.000Z')),
    unreadable(
      'a time past the last supported year',
      'wrong-schema',
      aDelivery(marie, '9999-12-31T23:59:59-12:00'),
    ),
    unreadable('no recipients', 'wrong-schema', aSend({ to: [] })),
    unreadable('recipients without an address', 'wrong-schema', aSend({ to: ['secret-word'] })),
    unreadable('more recipients than SES accepts', 'wrong-schema', aSend({ to: buyers })),
    unreadable('an id of SES on two lines', 'wrong-schema', aSend({ sesMessageId: 'secret-word\n' })),
    unreadable('a part below zero', 'wrong-schema', withTags({ part: ['-1'] })),
    unreadable('a part with an exponent', 'wrong-schema', withTags({ part: ['1e3'] })),
    unreadable('a part out of range', 'wrong-schema', withTags({ part: ['9'.repeat(256)] })),
  ])('is $what: $reason, and its values are not repeated', ({ reason, text }) => {
    const parsed = parse(text);

    expect(parsed).toEqual({ kind: 'unreadable', reason, detail: expect.any(String) });
    expect(JSON.stringify(parsed)).not.toContain('secret-word');
  });
});

describe('any event', () => {
  const texts = [
    aSend(),
    aDelivery(marie, at),
    aDelay(marie, at),
    aBounce(marie, at),
    aComplaint(marie, at),
    JSON.stringify(anEvent('Reject', { reject: {} })),
  ];

  /** Replaces one value, anywhere in the event. */
  function mutated(text: string, position: number, value: unknown): string {
    let count = 0;
    return JSON.stringify(JSON.parse(text), (_, original) => {
      count += 1;
      return count === position ? value : original;
    });
  }

  it('is parsed, ignored or rejected, and what is parsed fits into receipts', () => {
    const value = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', at));
    const seen = new Set<ParsedSesEvent['kind']>();
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.integer({ min: 1, max: 45 }),
        value,
        (text, position, other) => {
          const parsed = parse(mutated(text, position, other) ?? '');
          seen.add(parsed.kind);
          if (parsed.kind !== 'event') return;
          const subject = { id: parsed.event.deliveryId, region: 'eu-west-1' };
          for (const receipt of toReceipts(subject, parsed.event.statuses)) {
            expect(parseReceipt(serialiseReceipt(receipt))).toEqual({ kind: 'receipt', receipt });
          }
        },
      ),
      { numRuns: 3_000 },
    );
    expect(seen).toEqual(new Set(['event', 'ignored', 'unreadable']));
  });
});
