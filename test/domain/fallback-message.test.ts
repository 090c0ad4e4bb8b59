import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { envelopeJsonSchema } from '../../bin/publish-contract.ts';
import { parseFallbackMessage, serialiseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../lib/domain/limits.ts';
import { arbitraryEnvelope } from '../support/arbitrary-envelope.ts';

const contract = (name: string) =>
  readFileSync(new URL(`../../docs/contract/${name}`, import.meta.url), 'utf8');
const example = (name: string) => JSON.parse(contract(`examples/${name}.json`));

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
addFormats.default(ajv);
const accordsWithPublishedSchema = ajv.compile(JSON.parse(contract('envelope.v1.schema.json')));

/** The example with a change, as the text of a message. */
function changed(change: (envelope: ReturnType<typeof example>) => void, name = 'mail'): string {
  const envelope = example(name);
  change(envelope);
  return JSON.stringify(envelope);
}

describe('the envelope', () => {
  it('is published as the JSON Schema that the code derives', () => {
    expect(JSON.parse(contract('envelope.v1.schema.json'))).toEqual(
      JSON.parse(JSON.stringify(envelopeJsonSchema())),
    );
  });

  it.each(['mime', 's3', 'mail'])('has a valid example of kind %s', (name) => {
    const parsed = parseFallbackMessage(contract(`examples/${name}.json`));

    expect(parsed).toMatchObject({ kind: 'message', message: { content: { type: name } } });
    expect(accordsWithPublishedSchema(example(name))).toBe(true);
    // Nobody should see an example expire that they send to try it out.
    const { expiresAt = '2099-01-01T00:00:00Z' } = example(name);
    expect(new Date(expiresAt).getTime()).toBeGreaterThan(new Date('2090-01-01').getTime());
  });

  it('is read behind the byte order mark that some programs write in front of UTF-8', () => {
    const text = contract('examples/mail.json');

    expect(parseFallbackMessage(`\ufeff${text}`)).toEqual(parseFallbackMessage(text));
    expect(parseFallbackMessage(`\ufeff\ufeff${text}`)).toMatchObject({
      kind: 'unreadable',
      reason: 'not-json',
    });
  });

  it.each<[string, unknown, unknown]>([
    ['urgent', 'urgent', 'urgent'],
    ['normal', 'normal', 'normal'],
    ['left out', undefined, undefined],
    ['of a newer sender', 'bulk', 'normal'],
    ['no word at all', { level: 9 }, 'normal'],
  ])('has a priority that costs no mail: %s', (_what, given, read) => {
    const parsed = parseFallbackMessage(changed((envelope) => (envelope.priority = given)));

    expect(parsed.kind === 'message' ? parsed.message.priority : parsed).toBe(read);
  });

  it('survives serialisation, with any content', () => {
    fc.assert(
      fc.property(arbitraryEnvelope, (envelope) => {
        const text = serialiseFallbackMessage(envelope);
        expect(parseFallbackMessage(text)).toEqual({ kind: 'message', message: envelope });
        expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is written in the characters that SQS accepts', () => {
    fc.assert(
      fc.property(arbitraryEnvelope, (envelope) => {
        // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
        expect(serialiseFallbackMessage(envelope)).toMatch(
          /^[\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u,
        );
      }),
      { numRuns: 300 },
    );
    const odd = {
      ...example('mime'),
      failure: { ...example('mime').failure, response: '550 \ufffe\uffff\ud800' },
    };
    expect(serialiseFallbackMessage(odd)).toMatch(/^[\u0020-\ud7ff\ue000-\ufffd]*$/u);
    expect(parseFallbackMessage(serialiseFallbackMessage(odd))).toMatchObject({
      kind: 'message',
      message: odd,
    });
  });

  it('never throws, for any text', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 2000 }),
      fc.json({ maxDepth: 6 }),
      fc.constant(`${'['.repeat(200_000)}`),
      fc.constant(`{"a":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_001)}`),
    );
    fc.assert(
      fc.property(hostile, (text) => expect(parseFallbackMessage(text).kind).toBe('unreadable')),
      { numRuns: 500 },
    );
  });

  it('never throws if one field of a good envelope is anything, and agrees with the published schema', () => {
    const paths = [
      ['id'],
      ['tenantId'],
      ['envelope', 'from'],
      ['envelope', 'to'],
      ['content'],
      ['content', 'subject'],
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const text = changed((envelope) => {
          const holder = path.length === 2 ? envelope[path[0] ?? ''] : envelope;
          holder[path.at(-1) ?? ''] = value;
        });
        const parsed = parseFallbackMessage(text);
        if (parsed.kind === 'message') expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(true);
        else expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['a subject with a line break', (e) => (e.content.subject = 'Hello\r\nBcc: eve@evil.example')],
    [
      'an address with a line break',
      (e) => (e.envelope.to = ['marie@example.org\r\nRCPT TO:<eve@evil.example>']),
    ],
    ['a sender with a line break', (e) => (e.content.from = 'a@keybuzz.io\nX: y')],
    [
      'a header value with a line break',
      (e) => (e.content.headers = { 'X-A': 'b\r\nBcc: eve@evil.example' }),
    ],
    ['a header name with a colon', (e) => (e.content.headers = { 'X-A: b\r\nBcc': 'eve@evil.example' })],
    ['a file name with a line break', (e) => (e.content.attachments[0].filename = 'a\r\nb')],
    ['no recipient', (e) => (e.envelope.to = [])],
    ['an empty id', (e) => (e.id = '')],
    ['an id of 129 characters', (e) => (e.id = 'x'.repeat(129))],
    ['an id with a line break', (e) => (e.id = 'a\nb')],
    [
      'an S3 key outside of the payloads',
      (e) => (e.content = { ...example('s3').content, key: 'other/thing' }),
    ],
    ['more than 40 MB declared', (e) => (e.content = { ...example('s3').content, bytes: 40_000_001 })],
    ['a time without its offset', (e) => (e.expiresAt = '2026-11-22T09:44:58')],
    ['a time with an offset in hours alone', (e) => (e.expiresAt = '2020-01-01T00:00:00+02')],
    ['a time with a space before its offset', (e) => (e.expiresAt = '2026-01-01T10:00:00 +01:00')],
    ['an address that is too long in ASCII', (e) => (e.envelope.to = [`a@${'ü.'.repeat(60)}example`])],
    ['an address with two @', (e) => (e.envelope.from = 'evil@bank.example@keybuzz.io')],
    ['a domain with an empty label', (e) => (e.envelope.to = ['marie@exa..mple'])],
    ['a domain with a path', (e) => (e.envelope.to = ['marie@example.org/x'])],
    ['a domain with a backslash', (e) => (e.envelope.to = ['marie@exa\\mple.org'])],
  ] satisfies [string, (e: ReturnType<typeof example>) => void][])('rejects %s', (_name, change) => {
    const text = changed(change);

    expect(parseFallbackMessage(text)).toMatchObject({ kind: 'unreadable', reason: 'wrong-schema' });
  });

  it('can parse every time that it accepts', () => {
    const two = (most: number) => fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(2, '0'));
    const offset = fc.oneof(
      fc.constant('Z'),
      fc.tuple(fc.constantFrom('+', '-'), two(23), fc.constantFrom(':', ''), fc.option(two(59), { nil: '' })),
    );
    const time = fc.tuple(
      fc.integer({ min: 0, max: 9999 }).map((year) => String(year).padStart(4, '0')),
      two(13),
      two(32),
      fc.constantFrom('T', ' '),
      two(24),
      two(60),
      fc.constantFrom('', '.1', '.123456789'),
      offset,
    );
    fc.assert(
      fc.property(time, ([year, month, day, t, hour, minute, fraction, zone]) => {
        const text = `${year}-${month}-${day}${t}${hour}:${minute}:00${fraction}${[zone].flat().join('')}`;
        const body = changed((envelope) => {
          envelope.expiresAt = text;
        });
        const accepted = parseFallbackMessage(body).kind === 'message';
        expect(accepted && Number.isNaN(new Date(text).getTime())).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['a media type', (e) => (e.content.attachments[0].contentType = `${'/'.repeat(300_000)}\n`)],
    ['a From', (e) => (e.content.from = `${'@'.repeat(300_000)}\n`)],
    ['an address', (e) => (e.envelope.from = `${'a@'.repeat(150_000)}\n`)],
    ['a quoted address', (e) => (e.envelope.from = '"\\'.repeat(150_000))],
    ['base64', (e) => (e.content.attachments[0].content = `${'='.repeat(300_000)}\n`)],
    ['a subject', (e) => (e.content.subject = `x${' '.repeat(300_000)}\nx`)],
    ['a subject of many words', (e) => (e.content.subject = `${'a '.repeat(150_000)}\nx`)],
    ['an id', (e) => (e.id = `${' '.repeat(300_000)}\n`)],
    ['a time', (e) => (e.expiresAt = `2026-01-01T00:00:00.${'0'.repeat(300_000)}`)],
  ] satisfies [string, (e: ReturnType<typeof example>) => void][])(
    'is parsed in linear time if %s is made to take long',
    (_name, change) => {
      const text = changed(change);
      const before = performance.now();

      expect(parseFallbackMessage(text).kind).toBe('unreadable');
      expect(performance.now() - before).toBeLessThan(1_000);
    },
  );

  it.each([
    ['recipients', (e) => (e.envelope.to = Array.from({ length: 510_000 }, () => 1))],
    ['copies', (e) => (e.content.cc = Array.from({ length: 500_000 }, () => 1))],
    ['attachments', (e) => (e.content.attachments = Array.from({ length: 330_000 }, () => ({})))],
  ] satisfies [string, (e: ReturnType<typeof example>) => void][])(
    'uses little memory if hundreds of thousands of %s are wrong',
    (_name, change) => {
      const text = changed(change);
      const before = process.memoryUsage().heapUsed;

      const parsed = parseFallbackMessage(text);

      expect(parsed).toMatchObject({ kind: 'unreadable', reason: 'wrong-schema' });
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 1024 * 1024);
    },
  );

  it('reports which field violated which rule, with its value masked', () => {
    const text = changed((envelope) => {
      envelope.envelope.to = ['secret-person@example.org\n'];
      envelope.content.subject = 'private\nmatter';
    });

    const parsed = parseFallbackMessage(text);

    expect(parsed).toMatchObject({
      detail: expect.stringContaining('envelope.to.0 (s***@example.org): a bare address'),
    });
    expect(parsed).toMatchObject({
      detail: expect.stringContaining('content.subject (14 characters): one line of text'),
    });
    expect(JSON.stringify(parsed)).not.toMatch(/secret-person|private/);
  });

  it.each([
    ['body', 'text'],
    ['bodyText', 'text'],
    ['txt', 'text'],
    ['HTML', 'html'],
    ['reply-to', 'replyTo'],
    ['subjet', 'subject'],
  ])(
    'refuses the unknown field %s of a structured mail, and names the one that was meant: %s',
    (name, meant) => {
      const beside = changed(({ content }) => Object.assign(content, { [name]: 'x' }));
      const instead = changed(({ content }) => {
        content[name] = content[meant];
        delete content[meant];
      });

      for (const text of [beside, instead]) {
        expect(parseFallbackMessage(text)).toMatchObject({
          reason: 'wrong-schema',
          detail: `content.${name}: an unknown field, ${meant} was probably meant`,
        });
        expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(false);
      }
    },
  );

  it('refuses the unknown field of an attachment', () => {
    const text = changed(({ content }) => {
      content.attachments[0].name = content.attachments[0].filename;
      delete content.attachments[0].filename;
    });

    expect(parseFallbackMessage(text)).toMatchObject({
      detail: 'content.attachments.0.name: an unknown field, filename was probably meant',
    });
  });

  it('names no field that is nothing like the unknown one', () => {
    const text = changed(({ content }) => Object.assign(content, { 'marie@example.org': 1, campaign: 1 }));

    expect(parseFallbackMessage(text)).toMatchObject({
      detail: expect.stringMatching(/^content\.(\*|campaign): an unknown field(;|$)/),
    });
    expect(parseFallbackMessage(text)).toMatchObject({ detail: expect.not.stringContaining('marie') });
  });

  it('refuses an empty mail, unless it says that it is to be empty', () => {
    const emptied = (empty?: boolean | null) =>
      parseFallbackMessage(
        changed(({ content }) => {
          Object.assign(
            content,
            { text: '', html: null, attachments: [] },
            empty === undefined ? {} : { empty },
          );
        }),
      );

    for (const empty of [undefined, null, false]) {
      expect(emptied(empty)).toMatchObject({
        reason: 'wrong-schema',
        detail: expect.stringContaining('empty: true'),
      });
    }
    expect(emptied(true).kind).toBe('message');
  });

  it.each([
    ['Müller GmbH', 'Müller GmbH'],
    ['🏪'.repeat(60), '🏪'.repeat(60)],
    [4711, '4711'],
    ['', undefined],
    [null, undefined],
  ])('takes the tenant %j', (tenantId, read) => {
    const text = changed((envelope) => Object.assign(envelope, { tenantId }));
    const parsed = parseFallbackMessage(text);

    expect(parsed.kind === 'message' && parsed.message.tenantId).toBe(read);
    expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(true);
  });

  it('has no field of a structured mail that is null, or an address that is empty', () => {
    const text = changed(({ content }) => Object.assign(content, { cc: '', replyTo: null, headers: null }));
    const parsed = parseFallbackMessage(text);

    expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(true);
    const { cc: _cc, replyTo: _replyTo, headers: _headers, ...content } = example('mail').content;
    expect(parsed.kind === 'message' && JSON.parse(JSON.stringify(parsed.message.content))).toEqual(content);
  });

  it('distinguishes another version from a broken message', () => {
    const text = changed((envelope) => {
      envelope.version = 2;
    });

    expect(parseFallbackMessage(text)).toMatchObject({ kind: 'unreadable', reason: 'wrong-version' });
  });

  it('rejects more than the SQS limit before parsing it', () => {
    expect(parseFallbackMessage(' '.repeat(MAX_QUEUE_MESSAGE_BYTES + 1))).toMatchObject({
      reason: 'too-large',
    });
  });

  it('omits unknown fields', () => {
    const parsed = parseFallbackMessage(changed((envelope) => Object.assign(envelope, { novelty: true })));

    expect(parsed.kind).toBe('message');
    expect(JSON.stringify(parsed)).not.toContain('novelty');
  });
});
