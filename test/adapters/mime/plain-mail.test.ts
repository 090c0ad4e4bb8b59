import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SendMailOptions } from 'nodemailer';
import { MailComposer } from '../../../lib/adapters/mime/compose-mail.ts';
import { envelopeOf, parsePlainMail, writePlainMail } from '../../../lib/adapters/mime/plain-mail.ts';

const MARK = { messageId: '<a@keybuzz.io>', date: new Date(0), baseBoundary: 'boundary' };

const localPart = fc.stringMatching(/^[\w+.-]{1,20}$/);
const domain = fc.stringMatching(/^[a-z0-9.-]{1,20}\.(org|io|x1|1|o)$/);
const address = fc.oneof(
  fc.tuple(localPart, domain).map((parts) => parts.join('@')),
  fc.constantFrom('marie@example.org', 'Paul.M@example.org', 'marie@xn--mller-kva.de', 'marie@müller.de'),
);
const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9 ,.:@]{0,20}$/),
  fc.constantFrom('KeyBuzz Support', 'Ünal', 'a'.repeat(90)),
);
const mailbox = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.constantFrom('marie@example.org', 'Paul.M+a@a-b.x1.org', 'Marie M 2 <m_1@keybuzz.io>'),
  },
  address,
  fc.constantFrom('a..b@x.org', `${'l'.repeat(65)}@x.org`),
  fc.tuple(name, address).map(([words, bare]) => `${words} <${bare}>`),
  address.map((bare) => `<${bare}>`),
);
const mailboxes = fc.oneof(mailbox, fc.array(mailbox, { maxLength: 3 }), fc.constant(''));

/** What decides how nodemailer encodes a text: its characters, its line ends, the length of its lines. */
const text = fc.oneof(
  fc.constantFrom(
    '',
    'Order 17',
    'Dear customer,\r\n',
    '\n',
    '\r',
    ' ',
    '=?utf-8?q?a?=',
    '.\r\n',
    'Grüße',
    '日本語',
  ),
  fc.constantFrom(
    'a'.repeat(76),
    'a'.repeat(77),
    `${'a'.repeat(75)}\t\n`,
    'a word '.repeat(20),
    'x\0',
    '"quoted"',
  ),
  // Lines that SES refuses, if they cannot be folded.
  fc.constantFrom('x'.repeat(1_100), 'a word '.repeat(160), `${'y'.repeat(990)}\r\n`, '<>'),
  fc.string({ maxLength: 100 }),
);

const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const mail: fc.Arbitrary<SendMailOptions> = fc.record(
  {
    from: mailbox,
    to: mailboxes,
    cc: mailboxes,
    bcc: mailboxes,
    replyTo: mailboxes,
    subject: text,
    text: fc.array(text, { maxLength: 9 }).map((lines) => lines.join('')),
    html: text,
    inReplyTo: fc.constantFrom('<b@example.org>', 'b@example.org', 'é', '<>', 'r'.repeat(1_100)),
    references: fc.constantFrom('<b@example.org> <c@example.org>', ['b', 'c'], '<>', 'r'.repeat(1_100)),
    headers: rarely(
      fc.dictionary(
        fc.constantFrom('X-Note', 'To', 'T o', 'Sender', 'List-Unsubscribe', 'Precedence'),
        mailbox,
        { maxKeys: 1 },
      ),
    ),
    attachments: rarely(fc.constant([{ filename: 'a.txt', content: 'a' }])),
    sender: rarely(mailbox),
    priority: rarely(fc.constant<'high'>('high')),
  },
  { requiredKeys: ['from', 'to'] },
);

const composer = new MailComposer('content-only');

/** nodemailer alone reads the addresses of a mail with a field that changes nothing else. */
const readByNodemailer = (options: SendMailOptions) =>
  composer.compose({ ...options, ...MARK, xMailer: false });

describe('a mail whose addresses are parsed here', () => {
  it('has the bytes and the recipients that nodemailer gives it', async () => {
    let parsed = 0;
    let written = 0;
    await fc.assert(
      fc.asyncProperty(mail, async (options) => {
        const plain = parsePlainMail({ ...options, ...MARK });
        if (plain !== undefined) parsed += 1;
        if (plain !== undefined && writePlainMail(plain) !== undefined) written += 1;
        expect(await composer.compose({ ...options, ...MARK })).toEqual(await readByNodemailer(options));
      }),
      { numRuns: 600 },
    );
    expect(parsed - written).toBeGreaterThan(25);
    expect(written).toBeGreaterThan(25);
  });

  it.each([
    ['an address', 'marie@example.org'],
    ['an address with a name', 'Marie Martin <marie@example.org>'],
    ['a list', ['marie@example.org', 'Paul <paul@example.org>']],
  ])('may be to %s', (_, to) => {
    const plain = parsePlainMail({ from: 'support@keybuzz.io', to });

    expect(plain && envelopeOf(plain)).toEqual({
      from: 'support@keybuzz.io',
      to: ['marie@example.org', 'paul@example.org'].slice(0, [to].flat().length),
    });
  });

  it.each([
    ['a quoted name', { to: '"Martin, Marie" <marie@example.org>' }],
    ['several addresses in one text', { to: 'marie@example.org, paul@example.org' }],
    ['an address header', { to: 'marie@example.org', headers: { To: 'paul@example.org' } }],
    ['an envelope', { to: 'marie@example.org', envelope: { from: 'a@keybuzz.io', to: ['b@keybuzz.io'] } }],
    ['a list of headers', { to: 'marie@example.org', headers: [{ key: 'Cc', value: 'paul@example.org' }] }],
  ])('is none with %s', (_, options) => {
    expect(parsePlainMail({ from: 'support@keybuzz.io', ...options })).toBe(undefined);
  });
});
