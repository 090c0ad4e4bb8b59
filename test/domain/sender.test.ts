import { describe, expect, it } from '@jest/globals';
import { MailComposer } from '../../lib/adapters/mime/compose-mail.ts';
import { validateSender } from '../../lib/domain/sender.ts';

const OWN = 'support@keybuzz.io';

function check(header: string, envelopeFrom = OWN): string | undefined {
  return validateSender(envelopeFrom, Buffer.from(`${header}\r\n\r\nHello\r\n`), 'keybuzz.io')?.detail;
}

describe('the sender check', () => {
  it.each([
    ['a bare address', OWN],
    ['a name', `KeyBuzz <${OWN}>`],
    ['a name with dots', `KeyBuzz Support, Inc. <${OWN}>`.replace(',', '')],
    ['a quoted name with any content', `"K, (x): y; \\"z\\" ceo@bank.example" <${OWN}>`],
    ['an encoded name', `=?utf-8?q?Jos=C3=A9?= <${OWN}>`],
    ['a name in UTF-8', `José Müller <${OWN}>`],
    ['a folded field', `KeyBuzz\r\n <${OWN}>`],
    ['two authors', `A <${OWN}>, billing@mail.keybuzz.io`],
    ['capitals in the local part', 'Support@keybuzz.io'],
  ])('lets %s pass', (_name, from) => {
    expect(check(`From: ${from}`)).toBeUndefined();
  });

  it.each([
    ['another domain', 'ceo@bank.example'],
    ['another domain next to the own', `${OWN}, ceo@bank.example`],
    ['a foreign address as a name', `ceo@bank.example <${OWN}>`],
    ['a foreign address after it', `<${OWN}> ceo@bank.example`],
    ['two in angle brackets', `<ceo@bank.example> <${OWN}>`],
    ['one angle bracket within another', `<ceo@bank.example<${OWN}>`],
    ['a comment', `ceo@bank.example (<${OWN}>)`],
    ['a comment in a comment', `(a(b) <${OWN}> ) ceo@bank.example`],
    ['quotes in comments', `( " ) ceo@bank.example ( " <${OWN}> )`],
    ['comments in quotes', `" ( " ceo@bank.example " ) " <${OWN}>`],
    ['a group', `staff: ${OWN};`],
    ['a group and another', `staff: ${OWN};, ceo@bank.example`],
    ['an unterminated group', `ceo@bank.example: <${OWN}>`],
    ['a semicolon', `ceo@bank.example; ${OWN}`],
    ['a source route', `<@bank.example,@x.example:${OWN}>`],
    ['two @', 'ceo@bank.example@keybuzz.io'],
    ['two @, the first in quotes', '"ceo@bank.example"@keybuzz.io'],
    ['an own address in quotes', `"${OWN}"@bank.example`],
    ['an own address as a name', `"${OWN}" ceo@bank.example`],
    ['a fragment', 'x@keybuzz.io#.bank.example'],
    ['a path', 'x@keybuzz.io/.bank.example'],
    ['a port', '<x@keybuzz.io:80.bank.example>'],
    ['a backslash', '<x@keybuzz.io\\.bank.example>'],
    ['an escaped dot', '<x@keybuzz%2eio>'],
    ['an encoded word as an address', '=?utf-8?q?ceo=40bank.example=2C?=@keybuzz.io'],
    ['an encoded word in front', `=?utf-8?q?=3Cceo=40bank.example=3E?= ${OWN}`],
    ['an unterminated quote', `"<${OWN}>`],
    ['nothing', ''],
    ['nothing but white space and commas', ' , ,'],
    ['a name without an address', 'KeyBuzz'],
    ['thousands of authors', Array.from({ length: 5_000 }, () => OWN).join(', ')],
    ['a white space that is not ASCII', 'ceo\u00a0bank@keybuzz.io'],
  ])('rejects a From with %s', (_name, from) => {
    expect(check(`From: ${from}`)).toMatch(/^the From header/);
  });

  it.each(['<bounces@mailer.example>', 'bounces@mailer.example', '<>'])(
    'rejects a Return-Path that SES would not take for a verified sender: %s',
    (returnPath) => {
      expect(check(`Return-Path: ${returnPath}\r\nFrom: ${OWN}`)).toMatch(/^the Return-Path header/);
      expect(check(`Return-Path: <bounce@mail.keybuzz.io>\r\nFrom: ${OWN}`)).toBeUndefined();
    },
  );

  it.each(['support@KeyBuzz.io', '"KeyBuzz" <support@mail.KEYBUZZ.IO>', `${OWN}, billing@keybuzz.iO`])(
    'stops a From whose domain is not in lower case, by a reason of its own: %s',
    (from) => {
      const mime = Buffer.from(`From: ${from}\r\n\r\nHello\r\n`);

      expect(validateSender(OWN, mime, 'keybuzz.io')?.reason).toBe('from-domain-case');
    },
  );

  it('wants exactly one From', () => {
    expect(check(`From: ${OWN}\r\nfrom: ${OWN}`)).toMatch('2 From headers');
    expect(check('Subject: x')).toMatch('0 From headers');
  });

  it('checks Sender as well', () => {
    expect(check(`From: ${OWN}\r\nSender: ceo@bank.example`)).toMatch('Sender');
    expect(check(`From: ${OWN}\r\nSender: ceo@bank.example <${OWN}>`)).toMatch('Sender');
    expect(check(`From: ${OWN}\r\nSender: billing@keybuzz.io`)).toBeUndefined();
  });

  it('checks the sender of the envelope', () => {
    expect(check(`From: ${OWN}`, 'ceo@bank.example')).toMatch("the envelope's sender");
    expect(check(`From: ${OWN}`, 'bounces@mail.keybuzz.io')).toBeUndefined();
  });

  it.each([
    OWN,
    'KeyBuzz <support@keybuzz.io>',
    'KeyBuzz <Support@KeyBuzz.IO>',
    '"K, (x): y; \\"z\\" @home" <support@keybuzz.io>',
    'Équipe support @ KeyBuzz <support@keybuzz.io>',
    { name: 'a@b (c): "d" \\', address: OWN },
    { name: 'ü'.repeat(300), address: OWN },
  ])('accepts what nodemailer composes from %j', async (from) => {
    const composed = await new MailComposer('content-only').compose({ from, to: 'b@c.example', text: 'x' });
    if (composed.kind !== 'composed') throw new Error(composed.kind);

    expect(validateSender(composed.message.from, composed.message.mime, 'keybuzz.io')).toBeUndefined();
  });
});
