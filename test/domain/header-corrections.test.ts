import { describe, expect, it } from '@jest/globals';
import { correctHeaders, findUnsendable } from '../../lib/domain/header-corrections.ts';
import { headerValues } from '../../lib/domain/mime-headers.ts';

const message = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'));

const FROM = 'From: support@keybuzz.io\n';

const corrected = (header: string) => correctHeaders(message(`${header}\nTo: not a header\n`)).toString();

const asWritten = (header: string) => message(`${header}\nTo: not a header\n`).toString();

describe('a header section that SES would refuse', () => {
  it('has no Bcc and no Return-Path afterwards, with their folded lines, and all else as it was', () => {
    expect(
      corrected(
        `${FROM}BCC: hidden@example.org,\n other@example.org\nReturn-Path: <b@evil.example>\nTo: Jörg <j@example.org>\n`,
      ),
    ).toBe(asWritten(`${FROM}To: Jörg <j@example.org>\n`));
  });

  it('is the same buffer if there is nothing to correct', () => {
    const good = message(`${FROM}To: Team: a@example.org;\nSubject:\n\nReturn-Path: x\n`);

    expect(correctHeaders(good)).toBe(good);
    expect(findUnsendable(good)).toBeUndefined();
  });

  it.each([
    'To:\n',
    'Cc: \n',
    'Reply-To:\n \n',
    'Sender: <>\n',
    'Message-ID:\n',
    'Message-ID: < >\n',
    'References:\n',
  ])('has no field without its address or id: %j', (field) => {
    expect(corrected(`${field}${FROM}`)).toBe(asWritten(FROM));
  });

  it.each([
    [
      'List-Unsubscribe: <https://keybuzz.io/u>\nList-Unsubscribe: <mailto:u@keybuzz.io>\n',
      'List-Unsubscribe: <https://keybuzz.io/u>, <mailto:u@keybuzz.io>\n',
    ],
    [
      'list-unsubscribe: <https://keybuzz.io/u>\nList-Unsubscribe: <mailto:u@keybuzz.io>, <https://keybuzz.io/u>\n',
      'list-unsubscribe: <https://keybuzz.io/u>, <mailto:u@keybuzz.io>\n',
    ],
    ['To: a@example.org\nX: y\nTo: b@example.org\n', 'To: a@example.org, b@example.org\nX: y\n'],
    ['References: <a@b>\nReferences: <c@d>\n', 'References: <a@b> <c@d>\n'],
    ['Subject: one\nSUBJECT: one\n', 'Subject: one\n'],
    [
      'Content-Type: text/html\nContent-Type: multipart/mixed; boundary=b\n',
      'Content-Type: multipart/mixed; boundary=b\n',
    ],
    [
      'Content-Type: text/html\nContent-Type: text/html; charset=utf-8\n',
      'Content-Type: text/html; charset=utf-8\n',
    ],
    [
      'DKIM-Signature: a=ed25519-sha256\nDKIM-Signature: v=1;\n a=rsa-sha256\n',
      'DKIM-Signature: v=1;\n a=rsa-sha256\n',
    ],
  ])('says once what it said twice: %j', (written, meant) => {
    expect(corrected(`${FROM}${written}`)).toBe(asWritten(`${FROM}${meant}`));
  });

  it.each([
    ['Subject: one\nSubject: two\n', 'subject'],
    ['Message-ID: <a@b>\nMessage-ID: <c@d>\n', 'message-id'],
    ['From: sales@keybuzz.io\n', 'from'],
    ['Content-Type: text/plain\nContent-Type: text/html\n', 'content-type'],
    ['List-Id: <a.example.org>\nList-Id: <b.example.org>\n', 'list-id'],
  ])('says why it cannot be sent if it contradicts itself: %j', (written, name) => {
    const mime = correctHeaders(message(`${FROM}${written}\nHello\n`));

    expect(findUnsendable(mime)).toEqual({
      reason: 'malformed-header',
      detail: `the header section has 2 different fields ${name}, at most one is allowed`,
    });
  });

  it('may repeat what may stand more than once', () => {
    const good = message(`Received: a\nReceived: b\nX-A: 1\nX-A: 2\n${FROM}\nHello\n`);

    expect(correctHeaders(good)).toBe(good);
    expect(findUnsendable(good)).toBeUndefined();
  });

  it('has quotes around the names that need them', () => {
    expect(corrected('From: KeyBuzz: Support <support@keybuzz.io>\nCc: Jörg: x <j@example.org>\n')).toBe(
      asWritten('From: "KeyBuzz: Support" <support@keybuzz.io>\nCc: "Jörg: x" <j@example.org>\n'),
    );
  });

  it.each([
    ['Subject', `Subject: ${'word '.repeat(800)}end`],
    ['To', `To: ${Array.from({ length: 200 }, (_, n) => `buyer-${n}@example.org`).join(',')}`],
  ])('has long lines folded where that changes nothing: %s', (name, line) => {
    const mime = correctHeaders(message(`${FROM}${line}\n\nHello\n`));

    expect(findUnsendable(mime)).toBeUndefined();
    expect(headerValues(mime, name)[0]?.replaceAll(' ', '')).toBe(
      line.slice(name.length + 2).replaceAll(' ', ''),
    );
  });

  it.each([
    ['a header', `X-Token: ${'x'.repeat(3000)}\n${FROM}\nHello\n`, 'line 1 '],
    ['the body', `${FROM}\n${'x'.repeat(999)}\n`, 'line 3 '],
  ])('says that a line of %s is too long', (_place, text, line) => {
    expect(findUnsendable(correctHeaders(message(text)))).toMatchObject({
      detail: expect.stringContaining(line),
    });
    expect(findUnsendable(message(`${FROM}\n${'x'.repeat(998)}\n`))).toBeUndefined();
  });

  it.each([
    ['To: marie@example.org\n', 'no From'],
    ['From: Team: a@keybuzz.io, b@keybuzz.io;\n', 'no plain list'],
    ['From: jörg@keybuzz.io\n', 'SMTPUTF8'],
    ['From: a@keybuzz.io\nSender: root@localhost\n', 'top-level domain'],
    ['From: a@keybuzz.io\nSender: a b c\n', 'no plain list'],
  ])('says what is wrong with its addresses: %j', (header, problem) => {
    expect(findUnsendable(message(`${header}\nHello\n`))?.detail).toContain(problem);
  });
});
