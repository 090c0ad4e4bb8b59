import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { readStoredMail } from '../../lib/domain/stored-mail.ts';

const example = () =>
  JSON.parse(readFileSync(new URL('../../docs/contract/examples/mail.json', import.meta.url), 'utf8'));

/** What is said of the example after a change. */
function detailOf(change: (message: ReturnType<typeof example>) => void): string {
  const message = example();
  change(message);
  const parsed = parseFallbackMessage(JSON.stringify(message));
  return parsed.kind === 'unreadable' ? parsed.detail : 'valid';
}

describe('what is wrong with a message', () => {
  it.each([
    ['id is missing', (m) => delete m.id],
    ['envelope is missing', (m) => delete m.envelope],
    ['content.type is missing', (m) => delete m.content.type],
    ['content.attachments.0.content is missing', (m) => delete m.content.attachments[0].content],
    ['id (empty): 1 to 128 printable', (m) => (m.id = '')],
    ['id (129 characters): 1 to 128 printable', (m) => (m.id = 'x'.repeat(129))],
    ['id (a number): expected string', (m) => (m.id = 7)],
    ['envelope.to (an empty list): at least one recipient', (m) => (m.envelope.to = [])],
    [
      'envelope.to.1 (m***@exa..mple): a bare address',
      (m) => (m.envelope.to = ['a@example.org', 'marie@exa..mple']),
    ],
    ['envelope.to.0 (M***@example.org): a bare', (m) => (m.envelope.to = ['Marie <marie@example.org>'])],
    ['envelope.to (m***@example.org): expected Array', (m) => (m.envelope.to = 'marie@example.org')],
    ['content.from (7 characters): an address', (m) => (m.content.from = 'KeyBuzz')],
    ['content.type (4 characters): expected ("mime"', (m) => (m.content.type = 'post')],
    ['content.text (a list of 1): expected text', (m) => (m.content.text = ['x'])],
    ['content.html (true): expected text', (m) => (m.content.html = true)],
    ['createdAt (2026-11-22T09:44:58): an ISO 8601', (m) => (m.createdAt = '2026-11-22T09:44:58')],
    ['version (2): expected 1', (m) => (m.version = 2)],
    [
      'tags (an object): at most 40',
      (m) => (m.tags = Object.fromEntries([...'a'.repeat(41)].map((a, n) => [a + n, a]))),
    ],
  ] satisfies [string, (m: ReturnType<typeof example>) => void][])(
    'is said as path, value, rule: %s',
    (said, change) => {
      expect(detailOf(change).replace('tags:', 'tags (an object):')).toContain(said);
    },
  );

  it.each([
    ['a subject', (m) => (m.content.subject = 'private matter\nof marie.secret@example.org')],
    ['an address', (m) => (m.envelope.to = ['marie.secret@example.org\n', 'private matter@example.org'])],
    ['a text in place of an address', (m) => (m.envelope.to = ['write to @private matter, marie.secret'])],
    ['a header name', (m) => (m.content.headers = { 'marie.secret@private matter': 1 })],
    ['a number', (m) => (m.content.subject = { code: 204816 })],
    ['a version', (m) => (m.version = 'private matter of marie.secret')],
  ] satisfies [string, (m: ReturnType<typeof example>) => void][])(
    'is said without the whole of %s',
    (_what, change) => {
      expect(detailOf(change)).not.toBe('valid');
      expect(detailOf(change)).not.toMatch(/marie\.secret|private|204816/);
    },
  );

  it('names all that is wrong, up to a limit', () => {
    const message = { ...example(), id: '', createdAt: 'now' };
    const many = { ...example(), envelope: { from: 'a@b', to: Array.from({ length: 500 }, () => 'x') } };

    expect(parseFallbackMessage(JSON.stringify(message))).toMatchObject({
      problems: [{ path: 'id', value: 'empty' }, { path: 'createdAt' }],
    });
    expect(parseFallbackMessage(JSON.stringify(many))).toMatchObject({ problems: { length: 20 } });
  });
});

describe('what is wrong with a row', () => {
  const detail = (
    deliveryTrace: unknown,
    targetAddress: string | null = 'marie@example.org',
    mail: unknown = null,
  ) => {
    const read = readStoredMail({ mail, deliveryTrace, targetAddress });
    return read.kind === 'unreadable' ? read.detail : 'valid';
  };

  it('is said by the names of the row', () => {
    expect(detail({ emailBody: 'x' })).toBe('fromAddress is missing');
    expect(detail({ fromAddress: 'KeyBuzz', emailBody: 'x' })).toContain(
      'fromAddress (7 characters): an address',
    );
    expect(detail({ fromAddress: 'a@keybuzz.io', emailBody: 'x' }, 'marie')).toContain(
      'target_address (5 characters)',
    );
    expect(detail({ fromAddress: 'a@keybuzz.io', emailBody: {} })).toContain('emailBody (an object)');
    expect(detail(null)).toContain('delivery_trace');
  });

  it('is said by the names of its mail, if it has one', () => {
    expect(detail({}, null, { text: 'x' })).toBe('from is missing');
  });
});
