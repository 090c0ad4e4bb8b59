import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { parseReceipt } from '../../lib/domain/receipt.ts';
import { canRunPythonSchema, validateInPython } from '../support/python-schema.ts';

if (process.env.CI === 'true' && !canRunPythonSchema)
  throw new Error('the tests of the contract in Python need python3-jsonschema');
if (!canRunPythonSchema)
  process.stderr.write('SKIPPED: the contract in Python; python3-jsonschema is needed\n');

const contract = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../docs/contract/${name}.json`, import.meta.url), 'utf8'));
const example = (name: string) => contract(`examples/${name}`);

/** An example with a change. */
function changed(name: string, change: (one: ReturnType<typeof example>) => void): unknown {
  const one = example(name);
  change(one);
  return one;
}

const mail = (change: (content: ReturnType<typeof example>) => void) =>
  changed('mail', ({ content }) => change(content));
const envelope = (change: (envelope: ReturnType<typeof example>) => void) =>
  changed('mail', (message) => change(message.envelope));

const MESSAGES: readonly (readonly [name: string, message: unknown])[] = [
  ['with MIME', example('mime')],
  ['with its content in S3', example('s3')],
  ['with the fields of a mail', example('mail')],
  ['without an id', changed('mail', (m) => delete m.id)],
  ['with an empty id', changed('mail', (m) => (m.id = ''))],
  ['with an id that ends in a line break', changed('mail', (m) => (m.id = 'a\n'))],
  ['with an id of 128 characters', changed('mail', (m) => (m.id = 'x'.repeat(128)))],
  ['with an id of 129 characters', changed('mail', (m) => (m.id = 'x'.repeat(129)))],
  ['with an id outside ASCII', changed('mail', (m) => (m.id = 'ré-1'))],
  ['with a tenant in emoji', changed('mail', (m) => (m.tenantId = '🏪'.repeat(256)))],
  ['with a tenant that is too long', changed('mail', (m) => (m.tenantId = '🏪'.repeat(257)))],
  ['of a tenant with a number', changed('mail', (m) => (m.tenantId = 4711))],
  ['without an envelope', changed('mail', (m) => delete m.envelope)],
  ['to nobody', envelope((e) => (e.to = []))],
  ['to an address in quotes', envelope((e) => (e.to = ['"a@b\\"c"@example.org']))],
  ['to an address in brackets', envelope((e) => (e.to = ['<marie@example.org>']))],
  ['to an address with its name', envelope((e) => (e.to = ['Marie <marie@example.org>']))],
  ['to an address that ends in a line break', envelope((e) => (e.to = ['marie@example.org\n']))],
  ['to an address with a control character', envelope((e) => (e.to = ['ma\u0085rie@example.org']))],
  ['to an address with a no-break space', envelope((e) => (e.to = ['marie\u00a0@example.org']))],
  ['to an address with two @', envelope((e) => (e.to = ['a@b@example.org']))],
  ['to an address without a domain', envelope((e) => (e.to = ['marie@']))],
  ['to an address with an empty label', envelope((e) => (e.to = ['marie@example..org']))],
  ['to an international domain', envelope((e) => (e.to = ['marie@bücher.example']))],
  ['to a domain with an underscore', envelope((e) => (e.to = ['marie@my_host.example']))],
  ['from a string', envelope((e) => (e.from = 'somebody'))],
  ['with a subject in Greek', mail((c) => (c.subject = 'Καλημέρα 🏪'))],
  ['with a subject that ends in a line break', mail((c) => (c.subject = 'Hello\n'))],
  ['with a subject of two lines', mail((c) => (c.subject = 'Hello\nBcc: eve@evil.example'))],
  ['with a subject that has a NUL', mail((c) => (c.subject = 'a\0b'))],
  ['with a From of two lines', mail((c) => (c.from = 'a@keybuzz.io\nX: y'))],
  ['with a From without an address', mail((c) => (c.from = 'KeyBuzz'))],
  ['to nobody in the header', mail((c) => (c.to = 'undisclosed-recipients:;'))],
  ['with null and an empty cc', mail((c) => Object.assign(c, { cc: '', replyTo: null, headers: null }))],
  ['with an unknown field', mail((c) => (c.body = 'x'))],
  ['with a header that has a colon in its name', mail((c) => (c.headers = { 'X-A: b': 'c' }))],
  ['with an attachment that is no base64', mail((c) => (c.attachments[0].content = 'a b'))],
  ['with an attachment without content', mail((c) => delete c.attachments[0].content)],
  ['with a tag that has a blank', changed('mail', (m) => (m.tags = { a: 'b c' }))],
  ['with a time without an offset', changed('mail', (m) => (m.createdAt = '2026-11-22T09:44:58'))],
  ['with a time of a month 13', changed('mail', (m) => (m.createdAt = '2026-13-22T09:44:58Z'))],
  ['with a time in other digits', changed('mail', (m) => (m.createdAt = '٢٠٢٦-11-22T09:44:58Z'))],
  ['with an offset', changed('mail', (m) => (m.createdAt = '2026-11-22T09:44:58.123+01:00'))],
  ['with a key outside the payloads', changed('s3', (m) => (m.content.key = 'other/thing'))],
  ['with half a byte', changed('s3', (m) => (m.content.bytes = 0.5))],
  ['with a status in other digits', changed('mime', (m) => (m.failure.enhancedStatus = '٤.3.0'))],
  ['that is urgent', changed('mail', (m) => (m.priority = 'urgent'))],
  ['of normal priority', changed('mail', (m) => (m.priority = 'normal'))],
  ['of version 2', changed('mail', (m) => (m.version = 2))],
  ['that is a list', []],
];

const RECEIPTS: readonly (readonly [name: string, receipt: unknown])[] = [
  ['delivered', example('receipt-delivered')],
  ['bounced', example('receipt-bounced')],
  ['of an unknown kind', changed('receipt-delivered', (r) => (r.kind = 'eaten'))],
  ['with a reason of two words', changed('receipt-delivered', (r) => (r.reason = 'a b'))],
  ['about nobody', changed('receipt-delivered', (r) => (r.recipients = []))],
  ['about a string', changed('receipt-delivered', (r) => (r.recipients[0].address = 'marie'))],
  ['of no date', changed('receipt-delivered', (r) => (r.at = 'yesterday'))],
];

const CONTRACTS = [
  {
    name: 'envelope.v1.schema',
    values: MESSAGES,
    accepts: (text: string) => parseFallbackMessage(text).kind === 'message',
  },
  {
    name: 'receipt.v1.schema',
    values: RECEIPTS,
    accepts: (text: string) => parseReceipt(text).kind === 'receipt',
  },
] as const;

/** A newer sender's word is no reason to lose a mail, but none should write one. */
it.each([
  ['a class of failure', changed('mime', (m) => (m.failure.class = 'bored'))],
  ['a priority', changed('mime', (m) => (m.priority = 'bulk'))],
])('refuse %s that the code does not know and puts up with', (_what, message) => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, unicodeRegExp: false });
  addFormats.default(ajv);

  expect(ajv.compile(contract('envelope.v1.schema'))(message)).toBe(false);
  expect(parseFallbackMessage(JSON.stringify(message)).kind).toBe('message');
});

describe.each(CONTRACTS)('the published schema $name', ({ name, values, accepts }) => {
  const schema = contract(name);
  const byCode = values.map(([what, value]) => [what, accepts(JSON.stringify(value))]);

  it('has good and bad examples', () => {
    expect(new Set(byCode.map(([, accepted]) => accepted))).toEqual(new Set([true, false]));
  });

  it('agrees with the code in an engine with ECMAScript patterns without the flag u', () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, unicodeRegExp: false });
    addFormats.default(ajv);
    const validate = ajv.compile(schema);

    expect(values.map(([what, value]) => [what, validate(value)])).toEqual(byCode);
  });

  (canRunPythonSchema ? it : it.skip)('agrees with the code in Python', () => {
    const accepted = validateInPython(
      schema,
      values.map(([, value]) => value),
    );

    expect(values.map(([what], at) => [what, accepted[at]])).toEqual(byCode);
  });

  it.each(patternsIn(schema))(
    'has a pattern that RE2, PCRE, Java and .NET read in the same way: %s',
    (pattern) => {
      expect(foreignSyntaxIn(pattern)).toEqual([]);
      expect(() => new RegExp(pattern, 'u')).not.toThrow();
    },
  );

  it('describes each field', () => {
    expect(undescribed(schema)).toEqual([]);
  });
});

describe('the check of the patterns', () => {
  it.each([
    ['\\p{Cc}', '\\p'],
    ['\\d+', '\\d'],
    ['[^\\s]', '\\s'],
    ['(?=a)b', '(?='],
    ['(?<!a)b', '(?<'],
    ['(a)\\1', '\\1'],
    ['[a[b]', '['],
    ['[a&&b]', '&&'],
    ['\\u00a0', '\\u'],
    ['a{1,1001}', '{1,1001}'],
  ])('finds in %s what not all engines know', (pattern, foreign) => {
    expect(foreignSyntaxIn(pattern)).toContain(foreign);
  });
});

/** All patterns of a schema, each once. */
function patternsIn(schema: unknown): string[] {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('pattern' in value && typeof value.pattern === 'string') found.add(value.pattern);
    Object.values(value).forEach(visit);
  };
  visit(schema);
  return [...found];
}

/**
 * Syntax that means something else, or nothing, in one of the engines: classes of characters and word boundaries
 * (ASCII or Unicode), `\u` and `\p`, look-around, references, sets within sets, and counts above the limit of RE2.
 */
function foreignSyntaxIn(pattern: string): string[] {
  const found: string[] = [];
  let inClass = false;
  for (const [token] of pattern.matchAll(/\\x[0-9a-f]{2}|\\.|\(\?[^:]|\{\d+,?\d*\}|&&|--|~~|\|\||./gs)) {
    if (/^\\[a-zA-Z0-9]$/.test(token) && !/^\\[tnr]$/.test(token)) found.push(token);
    else if (/^\(\?/.test(token)) found.push(token);
    else if (/^\{/.test(token) && (token.match(/\d+/g) ?? []).some((count) => Number(count) > 1000))
      found.push(token);
    else if (inClass && /^(?:\[|&&|--|~~|\|\|)$/.test(token)) found.push(token);
    if (token === '[') inClass = true;
    else if (token === ']') inClass = false;
  }
  return found;
}

/** The paths of fields without a description. */
function undescribed(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => {
    if (key !== 'properties') return undescribed(value, path);
    return Object.entries(value as Record<string, unknown>).flatMap(([name, field]) => {
      const here = `${path}.${name}`;
      const described = typeof field === 'object' && field !== null && 'description' in field;
      return [...(described ? [] : [here]), ...undescribed(field, here)];
    });
  });
}
