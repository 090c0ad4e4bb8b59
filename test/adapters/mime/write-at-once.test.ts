import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SendMailOptions } from 'nodemailer';
import MailComposer from 'nodemailer/lib/mail-composer';
import { composeMessage } from '../../../lib/adapters/mime/compose-message.ts';
import { isPlainMail, writeAtOnce } from '../../../lib/adapters/mime/write-at-once.ts';

const MARK = { messageId: '<a@keybuzz.io>', date: new Date(0), baseBoundary: 'boundary' };

/** What decides how nodemailer encodes a text: its characters, its line ends, the length of its lines. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('\n', '\r\n', '\r', ' ', '\t', '.', '=', 'é', '日本', '\u{1f600}', 'From ', '\0'),
      fc.string({ maxLength: 100 }),
      fc.constant('a long line '.repeat(9)),
    ),
    { maxLength: 30 },
  )
  .map((pieces) => pieces.join(''));

const attachment = fc.record(
  {
    filename: fc.constantFrom('a.pdf', 'é.txt', 'a.eml'),
    content: fc.oneof(
      text,
      fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
    ),
    cid: fc.constant('image@keybuzz.io'),
    contentType: fc.constantFrom('text/plain', 'image/png', 'message/rfc822', 'application/pdf'),
    contentTransferEncoding: fc.constantFrom('7bit', 'base64', 'quoted-printable'),
  },
  { requiredKeys: ['filename', 'content'] },
);

const mail: fc.Arbitrary<SendMailOptions> = fc.record(
  {
    from: fc.constantFrom(
      'support@keybuzz.io',
      '"Ünal, A" <Support@KeyBuzz.IO>',
      'KeyBuzz: A <a@keybuzz.io>',
      '',
    ),
    to: fc.constantFrom('marie@example.org', 'marie@example.org, paul@example.org'),
    bcc: fc.constant('paul@example.org'),
    headers: fc.dictionary(
      fc.constantFrom('X-Note', 'To', 'References', 'Return-Path', 'X-SES-Note', 'Content-Type', 'Sender'),
      fc.oneof(text, fc.constant('x'.repeat(1200))),
    ),
    subject: text,
    text,
    html: text,
    attachments: fc.array(attachment, { maxLength: 3 }),
    textEncoding: fc.constantFrom('base64', 'quoted-printable'),
    encoding: fc.constantFrom('base64', 'quoted-printable'),
  },
  { requiredKeys: ['from', 'to'] },
);

/** A composer writes into the mail, so each gets its own. */
function compile(options: SendMailOptions) {
  const attachments = (options.attachments ?? []).map((one) => ({ ...one }));
  return new MailComposer({ ...options, ...MARK, attachments }).compile();
}

function streamed(options: SendMailOptions): Promise<Buffer> {
  return compile(options).build();
}

describe('writing a mail at once', () => {
  it('brings the bytes that nodemailer streams', async () => {
    let written = 0;
    await fc.assert(
      fc.asyncProperty(mail, async (options) => {
        const atOnce = isPlainMail(options) ? writeAtOnce(compile(options)) : undefined;
        if (atOnce === undefined) return;
        written += 1;
        expect(atOnce.toString('latin1')).toBe((await streamed(options)).toString('latin1'));
      }),
      { numRuns: 300 },
    );
    expect(written).toBeGreaterThan(100);
  });

  it('is composed like a streamed one, with its header section corrected', async () => {
    await fc.assert(
      fc.asyncProperty(mail, async (options) => {
        expect(await composeMessage(compile(options), { isPlain: true })).toEqual(
          await composeMessage(compile(options)),
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['a file', { attachments: [{ path: '/etc/hostname' }] }],
    ['a URL', { attachments: [{ href: 'http://localhost/' }] }],
    ['a ready-made message', { raw: 'From: a@example.org\r\n\r\n' }],
    ['a ready-made part', { attachments: [{ raw: 'Content-Type: text/plain\r\n\r\nHello' }] }],
    ['a signature', { dkim: { domainName: 'keybuzz.io', keySelector: 'a', privateKey: '' } }],
    ['another line end', { newline: 'unix' }],
    ['an alternative', { alternatives: [{ content: 'Hello' }] }],
  ])('leaves %s to nodemailer', (_, options) => {
    expect(isPlainMail(options)).toBe(false);
  });

  it.each([
    ['a text of a stream', { text: { path: '/etc/hostname' } }],
    ['a large attachment', { attachments: [{ content: Buffer.alloc(2_000_000) }] }],
    ['a long text to be quoted', { text: 'Grüße '.repeat(20_000) }],
  ])('leaves %s to nodemailer', (_, options) => {
    expect(writeAtOnce(compile({ from: 'support@keybuzz.io', to: 'marie@example.org', ...options }))).toBe(
      undefined,
    );
  });
});
