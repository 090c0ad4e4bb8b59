import { describe, expect, it } from '@jest/globals';
import { headerValues, withHeader, withoutHeader } from '../../lib/message/header-section.ts';

const message = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'));

const MAIL = message(
  'From: a@keybuzz.io\nBCC: hidden@example.org,\n other@example.org\nSubject: =?utf-8?q?=C3=A9?=\nTo: Jörg <j@example.org>\n\nBcc: not a header\n',
);

describe('the header section', () => {
  it('is read by name, in any case, unfolded, in UTF-8', () => {
    expect(headerValues(MAIL, 'bcc')).toEqual(['hidden@example.org, other@example.org']);
    expect(headerValues(MAIL, 'To')).toEqual(['Jörg <j@example.org>']);
    expect(headerValues(MAIL, 'sender')).toEqual([]);
  });

  it('gives every field of a name', () => {
    expect(headerValues(message('From: a@x.io\nX: y\nfrom: b@y.io\n\n'), 'From')).toEqual([
      'a@x.io',
      'b@y.io',
    ]);
  });

  it('ends at the first empty line', () => {
    expect(headerValues(message('\nFrom: body@example.org\n'), 'from')).toEqual([]);
    expect(headerValues(message('Subject: only headers'), 'subject')).toEqual(['only headers']);
  });

  it('loses a field with its folded lines, and nothing else', () => {
    expect(withoutHeader(MAIL, 'Bcc').toString()).toBe(
      message(
        'From: a@keybuzz.io\nSubject: =?utf-8?q?=C3=A9?=\nTo: Jörg <j@example.org>\n\nBcc: not a header\n',
      ).toString(),
    );
  });

  it('stays the same buffer where there is nothing to lose', () => {
    expect(withoutHeader(MAIL, 'x-none')).toBe(MAIL);
  });

  it('gains a field in front', () => {
    expect(withHeader(message('To: a@b.c\n\nHi'), 'X-A', 'b').toString()).toBe(
      'X-A: b\r\nTo: a@b.c\r\n\r\nHi',
    );
  });
});
