import { describe, expect, it } from '@jest/globals';
import { readStoredMail, type StoredColumns } from '../../lib/domain/stored-mail.ts';

const MAIL = { from: 'support@keybuzz.io', to: 'marie@example.org', subject: 'Your order', text: 'It left.' };

const read = (columns: Partial<StoredColumns>) =>
  readStoredMail({ mail: null, deliveryTrace: null, targetAddress: null, ...columns });

const fieldsOf = (mail: object) => {
  const stored = read({ mail });
  if (stored.kind !== 'mail') throw new Error(stored.detail);
  // As the composer sees it: without the fields that are not set.
  return JSON.parse(JSON.stringify(stored.fields));
};

describe('a mail of a row', () => {
  it.each(['cc', 'bcc', 'replyTo', 'headers', 'attachments', 'html', 'inReplyTo', 'references', 'empty'])(
    'has no %s if that is null',
    (field) => {
      expect(fieldsOf({ ...MAIL, [field]: null })).toEqual(MAIL);
    },
  );

  it.each([{ cc: '' }, { replyTo: ' ' }, { bcc: '\n' }])(
    'has none of an address that is empty: %j',
    (field) => {
      expect(fieldsOf({ ...MAIL, ...field })).toEqual(MAIL);
    },
  );

  it('leaves out what is empty in a list', () => {
    const attachment = { content: 'YQ==', filename: null, contentType: null, cid: null };
    expect(
      fieldsOf({
        ...MAIL,
        cc: ['', null, 'paul@example.org'],
        headers: { 'X-A': null, 'X-B': 'b' },
        attachments: [attachment],
      }),
    ).toEqual({
      ...MAIL,
      cc: ['paul@example.org'],
      headers: { 'X-B': 'b' },
      attachments: [{ content: 'YQ==' }],
    });
  });

  it.each([
    ['Your\torder', 'Your order'],
    ['Your order\n', 'Your order'],
    ['\r\n\tYour order \r\n', 'Your order'],
    [4711, '4711'],
    [' Your order', ' Your order'],
  ])('has the subject %j as %j', (subject, meant) => {
    expect(fieldsOf({ ...MAIL, subject }).subject).toBe(meant);
  });

  it.each([
    'Your order\r\nBcc: eve@evil.example',
    'Your order\nBcc: eve@evil.example\n',
    '\nYour\n order',
    'Your\0order',
  ])('is refused if its subject would add a header field: %j', (subject) => {
    expect(read({ mail: { ...MAIL, subject } })).toEqual({
      kind: 'unreadable',
      detail: expect.stringMatching(/^subject \(.+\): one line of text$/),
    });
  });

  it.each(['from', 'to', 'replyTo'])('has no blanks at the ends of %s', (field) => {
    expect(fieldsOf({ ...MAIL, [field]: '\tMarie <marie@example.org>\r\n' })[field]).toBe(
      'Marie <marie@example.org>',
    );
  });

  it.each(['marie@example.org\r\nBcc: eve@evil.example', 'marie\n@example.org', 'no address', 'a b:c;'])(
    'is refused if it is to go to %j',
    (to) => {
      expect(read({ mail: { ...MAIL, to } }).kind).toBe('unreadable');
    },
  );

  it('may go to recipients that it does not disclose', () => {
    const to = 'undisclosed-recipients:;';

    expect(fieldsOf({ ...MAIL, to, bcc: 'marie@example.org' })).toMatchObject({ to });
  });

  it.each(['', null, 'undisclosed-recipients:;'])('is refused if its sender is %j', (from) => {
    expect(read({ mail: { ...MAIL, from } }).kind).toBe('unreadable');
  });

  it('may have numbers where text is meant', () => {
    expect(fieldsOf({ ...MAIL, text: 204816, headers: { 'X-Priority': 1, 'X-List': [1, 'b\n'] } })).toEqual({
      ...MAIL,
      text: '204816',
      headers: { 'X-Priority': '1', 'X-List': ['1', 'b'] },
    });
  });

  it('is refused if a header value would add a header field', () => {
    const headers = { 'X-A': 'a\r\nBcc: eve@evil.example' };

    expect(read({ mail: { ...MAIL, headers } }).kind).toBe('unreadable');
  });

  it('is read from the trace by the same rules', () => {
    const deliveryTrace = {
      fromAddress: 'support@keybuzz.io\n',
      replyToAddress: '',
      emailSubject: 4711,
      emailBody: 'It left.',
    };
    const stored = read({ deliveryTrace, targetAddress: ' marie@example.org\n' });

    expect(stored).toMatchObject({ kind: 'mail' });
    expect(JSON.parse(JSON.stringify(stored))).toMatchObject({
      fields: { from: 'support@keybuzz.io', to: 'marie@example.org', subject: '4711', text: 'It left.' },
    });
    expect(JSON.stringify(stored)).not.toContain('replyTo');
  });

  it.each([undefined, null, ''])(
    'is refused if it is empty (%j) and does not say that it is to be',
    (text) => {
      const detail = expect.stringContaining('has to say empty: true');
      const { text: _text, ...mail } = MAIL;

      expect(read({ mail: { ...mail, text } })).toMatchObject({ kind: 'unreadable', detail });
      expect(read({ mail: { ...mail, text, empty: true } }).kind).toBe('mail');
      const deliveryTrace = { fromAddress: MAIL.from, emailBody: text };
      expect(read({ deliveryTrace, targetAddress: MAIL.to })).toMatchObject({ kind: 'unreadable', detail });
      expect(read({ deliveryTrace: { ...deliveryTrace, empty: true }, targetAddress: MAIL.to }).kind).toBe(
        'mail',
      );
    },
  );

  it.each([
    ['body', 'text'],
    ['bodyText', 'text'],
    ['html_body', 'html'],
    ['reply_to', 'replyTo'],
    ['recipients', 'to'],
  ])('is refused if it has %s in place of %s', (name, meant) => {
    const { [meant as keyof typeof MAIL]: value = 'marie@example.org', ...mail } = MAIL;

    expect(read({ mail: { ...mail, [name]: value } })).toMatchObject({
      kind: 'unreadable',
      detail: expect.stringContaining(`${name}: an unknown field, ${meant} was probably meant`),
    });
  });

  it('may have other fields of the API, which are ignored', () => {
    expect(fieldsOf({ ...MAIL, orderId: 7, body: 'It left.', campaign: { id: 1 } })).toEqual(MAIL);
  });
});
