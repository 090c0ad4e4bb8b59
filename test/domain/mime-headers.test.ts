import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_HEADER_BYTES } from '../../lib/domain/limits.ts';
import { headerValues, validateHeaders, withHeader } from '../../lib/domain/mime-headers.ts';

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

  it('returns every field of a name', () => {
    expect(headerValues(message('From: a@x.io\nX: y\nfrom: b@y.io\n\n'), 'From')).toEqual([
      'a@x.io',
      'b@y.io',
    ]);
  });

  it('ends at the first empty line', () => {
    expect(headerValues(message('\nFrom: body@example.org\n'), 'from')).toEqual([]);
    expect(headerValues(message('Subject: only headers'), 'subject')).toEqual(['only headers']);
  });

  it('gets a field prepended', () => {
    expect(withHeader(message('To: a@b.c\n\nHi'), 'X-A', 'b').toString()).toBe(
      'X-A: b\r\nTo: a@b.c\r\n\r\nHi',
    );
  });
});

describe('a header that SES would obey', () => {
  const NAMES = [
    'X-SES-CONFIGURATION-SET',
    'X-SES-MESSAGE-TAGS',
    'X-SES-SOURCE-ARN',
    'X-SES-FROM-ARN',
    'X-SES-RETURN-PATH-ARN',
    'X-SES-TENANT',
    'X-SES-LIST-MANAGEMENT-OPTIONS',
  ];
  const other = fc.constantFrom(
    'From: a@keybuzz.io',
    'X-SESSION: 1',
    'Subject: X-SES-TENANT: x',
    'X: y\r\n X-SES-TENANT: x',
  );
  const others = fc.array(other, { maxLength: 4 });
  const spelling = fc
    .tuple(fc.constantFrom(...NAMES), fc.infiniteStream(fc.boolean()))
    .map(([name, upper]) =>
      [...name].map((letter) => (upper.next().value ? letter.toUpperCase() : letter.toLowerCase())).join(''),
    );
  const value = fc.constantFrom('', ' x', 'x', '\r\n x', '\t\r\n\tx', ' =?utf-8?q?x?=');

  it('is found in any spelling, wherever it stands, with any value', () => {
    fc.assert(
      fc.property(others, spelling, value, others, (before, name, text, after) => {
        const section = [...before, `${name}:${text}`, ...after].join('\r\n');

        expect(validateHeaders(Buffer.from(`${section}\r\n\r\nHello`))?.reason).toBe('ses-control-header');
      }),
    );
  });

  it.each([' ', '\t', '\0', '\u00a0'])('is not smuggled past by %j before its colon', (gap) => {
    const problem = validateHeaders(Buffer.from(`X-SES-TENANT${gap}: x\r\nFrom: a@keybuzz.io\r\n\r\nHello`));

    expect(problem?.reason).toBe('malformed-header');
  });

  it('is not seen where SES does not look', () => {
    fc.assert(
      fc.property(others, (fields) => {
        const section = ['Subject: x', ...fields].join('\r\n');

        expect(validateHeaders(Buffer.from(`${section}\r\n\r\nX-SES-TENANT: in the body`))).toBeUndefined();
      }),
    );
  });
});

describe('a header section that cannot be relied on', () => {
  const END = '\r\n\r\nHello\r\n';

  it.each([
    ['lines that end in LF', 'From: a@keybuzz.io\nSubject: x\n\nHello\n', 'not-crlf'],
    ['a bare LF', `X: y\nFrom: b@evil.example\r\nFrom: a@keybuzz.io${END}`, 'not-crlf'],
    ['a bare CR', `X: y\rFrom: b@evil.example\r\nFrom: a@keybuzz.io${END}`, 'not-crlf'],
    ['CR CR LF', `X: y\r\r\nFrom: a@keybuzz.io${END}`, 'not-crlf'],
    ['a NUL', `X: y\0\r\nFrom: a@keybuzz.io${END}`, 'malformed-header'],
    ['a byte order mark', `\ufeffFrom: b@evil.example\r\nFrom: a@keybuzz.io${END}`, 'malformed-header'],
    ['a line without a colon', `From\r\nFrom: a@keybuzz.io${END}`, 'malformed-header'],
    ['a space before the colon', `From : b@evil.example\r\nFrom: a@keybuzz.io${END}`, 'malformed-header'],
    ['a fold at the start', ` From: b@evil.example\r\nFrom: a@keybuzz.io${END}`, 'malformed-header'],
    [
      'another white space at the start of a line',
      `X: y\r\n\u000bFrom: b@e.example${END}`,
      'malformed-header',
    ],
  ])('has %s', (_name, text, reason) => {
    expect(validateHeaders(Buffer.from(text))).toMatchObject({ reason });
  });

  it.each(['a:\r\n', 'a: b\r\n c\r\n', 'a'])('is larger than any mail needs: %j, repeated', (line) => {
    expect(validateHeaders(Buffer.alloc(MAX_HEADER_BYTES + 1, line))).toMatchObject({
      reason: 'malformed-header',
    });
  });

  it('is distinguished from a good one', () => {
    expect(validateHeaders(MAIL)).toBeUndefined();
    expect(validateHeaders(message('Subject: only headers'))).toBeUndefined();
    expect(validateHeaders(message('\nOnly a body\n'))).toBeUndefined();
    expect(
      validateHeaders(Buffer.from(`From: a@keybuzz.io${END}a body\nmay have\0anything`)),
    ).toBeUndefined();
  });
});
