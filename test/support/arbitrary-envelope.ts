import fc from 'fast-check';
import { FAILURE_CLASSES, FAILURE_PHASES } from '../../lib/domain/failure.ts';
import { type Content, type FallbackMessage, PRIORITIES } from '../../lib/domain/fallback-message.ts';

const printable = (maxLength: number) =>
  fc.stringMatching(new RegExp(`^[\\x21-\\x7e]{1,${maxLength}}$`)).filter((text) => text.length <= maxLength);
const localPart = fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+/=?^_`{|}~éßж-]{1,20}$/);
const domain = fc.stringMatching(/^[a-z0-9é]{1,12}\.[a-z]{2,5}$/);
const address = fc.tuple(localPart, domain).map(([local, host]) => `${local}@${host}`);
const base64 = fc
  .uint8Array({ minLength: 1, maxLength: 200 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));
const timestamp = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const line = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => !/\p{Cc}/u.test(text));
const bytes = fc.integer({ min: 1, max: 40_000_000 });

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

/** The parser drops names that could pollute a prototype. */
const tagName = fc
  .stringMatching(/^[A-Za-z0-9_-]{1,20}$/)
  .filter((name) => !['__proto__', 'prototype', 'constructor'].includes(name));

type MailBody = { text?: string | undefined; html?: string | undefined; attachments?: unknown[] | undefined };

/** Omits undefined fields, like JSON. */
function compact<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

function isEmpty({ text = '', html = '', attachments = [] }: MailBody): boolean {
  return text === '' && html === '' && attachments.length === 0;
}

const content: fc.Arbitrary<Content> = fc.oneof(
  fc.record({
    type: fc.constant('mime' as const),
    encoding: fc.constantFrom('none' as const, 'gzip' as const, 'zstd' as const),
    bytes,
    data: base64,
  }),
  fc.record({
    type: fc.constant('s3' as const),
    key: fc.stringMatching(/^payloads\/[a-f0-9]{1,40}\/[a-f0-9]{1,64}$/),
    bytes,
    sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  }),
  fc
    .record({
      type: fc.constant('mail' as const),
      from: address,
      to: optional(fc.array(address)),
      cc: optional(address),
      bcc: optional(fc.array(address)),
      replyTo: optional(address),
      subject: optional(line),
      text: optional(fc.string({ unit: 'grapheme' })),
      html: optional(fc.string({ unit: 'grapheme' })),
      headers: optional(
        fc.dictionary(fc.stringMatching(/^X-[A-Za-z0-9]{1,20}$/), fc.oneof(line, fc.array(line))),
      ),
      attachments: optional(fc.array(fc.record({ content: base64, filename: line }))),
    })
    .map((mail) => compact({ ...mail, ...(isEmpty(mail) ? { empty: true } : {}) }) as Content),
);

/** Any envelope that the contract allows. */
export const arbitraryEnvelope: fc.Arbitrary<FallbackMessage> = fc
  .record({
    version: fc.constant(1 as const),
    id: printable(128),
    tenantId: optional(printable(128)),
    envelope: fc.record({ from: address, to: fc.array(address, { minLength: 1, maxLength: 60 }) }),
    content,
    failure: optional(
      fc.record({
        class: fc.constantFrom(...FAILURE_CLASSES),
        code: optional(printable(30)),
        response: optional(fc.string({ unit: 'binary', maxLength: 100 })),
        enhancedStatus: optional(fc.constantFrom('5.7.1', '4.2.0')),
        command: optional(fc.constantFrom('MAIL FROM', 'DATA')),
        phase: fc.constantFrom(...FAILURE_PHASES),
        at: timestamp,
      }),
    ),
    priority: optional(fc.constantFrom(...PRIORITIES)),
    createdAt: timestamp,
    expiresAt: optional(timestamp),
    tags: optional(
      fc.dictionary(tagName, fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/), {
        noNullPrototype: true,
      }),
    ),
  })
  .map((envelope) => compact(envelope) as FallbackMessage);
