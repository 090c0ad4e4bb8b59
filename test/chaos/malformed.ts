/** Bodies that no honest sender puts into a queue. */
import { packMime } from '../../lib/domain/content.ts';
import { type SeededRandom, seededRandom } from '../../lib/emulators/ses/event-faults.ts';

export interface MalformedBody {
  /** What is wrong with it, for the report. */
  readonly flaw: string;
  readonly body: string;
}

type Maker = (number: number, random: SeededRandom) => string;

/** A sender's message with one thing wrong. */
function message(number: number, change: Record<string, unknown>): Record<string, unknown> {
  const mime = `From: support@keybuzz.io\r\nTo: buyer@example.org\r\nSubject: bad-${number}\r\n\r\nHello.\r\n`;
  return {
    version: 1,
    id: `bad-${number}`,
    envelope: { from: 'support@keybuzz.io', to: [`buyer-${number}@example.org`] },
    content: packMime(Buffer.from(mime)),
    createdAt: '2026-01-05T08:00:00.000Z',
    ...change,
  };
}

/** An event of SES with one thing wrong. */
function event(number: number, change: Record<string, unknown>): Record<string, unknown> {
  return {
    eventType: 'Delivery',
    mail: {
      timestamp: '2026-01-05T08:00:00.000Z',
      source: 'support@keybuzz.io',
      messageId: `0102-${number}`,
      destination: ['buyer@example.org'],
      tags: { deliveryId: [`bad-${number}`], part: ['0'] },
    },
    delivery: { timestamp: '2026-01-05T08:00:01.000Z', recipients: ['buyer@example.org'] },
    ...change,
  };
}

const HUGE_CHARACTERS = 300_000;
const DEPTH = 5_000;

/** Of any queue. */
const ANY: Readonly<Record<string, Maker>> = {
  'random bytes': (number, random) => `${number} ${randomText(random, 20 + Math.floor(random() * 300))}`,
  html: (number) => `<!doctype html><title>502</title><p>request ${number}: <b>Bad Gateway</b>`,
  'a bare value': (number) =>
    ['null', `"${number}"`, String(number), '[]', 'true'][number % 5] + ' '.repeat(number % 997),
  'deeply nested lists': (number) => `${'['.repeat(DEPTH)}${number}${']'.repeat(DEPTH)}`,
  'deeply nested objects': (number) => `${'{"a":'.repeat(DEPTH)}${number}${'}'.repeat(DEPTH)}`,
  'nothing but blanks': (number) => `${' '.repeat(1 + (number % 900))}\n${'\t'.repeat(number % 899)}\n`,
};

const MESSAGES: Readonly<Record<string, Maker>> = {
  ...ANY,
  truncated: (number, random) => cut(JSON.stringify(message(number, {})), random),
  'a field of the wrong type': (number, random) =>
    JSON.stringify(
      message(number, {
        [oneOf(['id', 'envelope', 'content', 'createdAt', 'version'], random)]: oneOf<unknown>(
          [7, [], {}, true, null],
          random,
        ),
      }),
    ),
  huge: (number) =>
    JSON.stringify(message(number, { envelope: { from: 'x'.repeat(HUGE_CHARACTERS), to: [] } })),
  'keys of the prototype': (number) =>
    `{"__proto__":{"version":1,"id":"bad-${number}"},"constructor":{"prototype":{"isAdmin":true}},"hasOwnProperty":1}`,
  'lone surrogates': (number) => JSON.stringify(message(number, { id: '\ud800bad', n: number })),
  'content that does not unpack': (number, random) =>
    JSON.stringify(
      message(number, {
        content: { type: 'mime', encoding: oneOf(['gzip', 'zstd'], random), bytes: 9, data: 'AAAA' },
      }),
    ),
  'a payload that is not there': (number) =>
    JSON.stringify(
      message(number, {
        content: { type: 's3', key: `payloads/none-${number}`, bytes: 5, sha256: 'a'.repeat(64) },
      }),
    ),
  'a foreign sender': (number) =>
    JSON.stringify(
      message(number, { envelope: { from: 'ceo@example.com', to: [`buyer-${number}@example.org`] } }),
    ),
};

const EVENTS: Readonly<Record<string, Maker>> = {
  ...ANY,
  truncated: (number, random) => cut(JSON.stringify(event(number, {})), random),
  'a field of the wrong type': (number, random) =>
    JSON.stringify(event(number, { mail: oneOf<unknown>([7, [], 'mail', true, null], random) })),
  huge: (number) => JSON.stringify(event(number, { eventType: 'x'.repeat(HUGE_CHARACTERS) })),
  'keys of the prototype': (number) =>
    `{"__proto__":{"eventType":"Send","n":${number}},"constructor":{"prototype":{"eventType":"Send"}}}`,
  'lone surrogates': (number) => JSON.stringify(event(number, { eventType: '\udfff' })),
  'an unknown type': (number) => JSON.stringify(event(number, { eventType: `Exploded ${number}` })),
};

/** Pure: the same seed makes the same bodies. */
export function malformedMessages(count: number, seed: number): MalformedBody[] {
  return make(MESSAGES, count, seed);
}

/** Pure: the same seed makes the same bodies. */
export function malformedEvents(count: number, seed: number): MalformedBody[] {
  return make(EVENTS, count, seed);
}

/** One of each kind in turn. */
function make(makers: Readonly<Record<string, Maker>>, count: number, seed: number): MalformedBody[] {
  const random = seededRandom(seed);
  const kinds = Object.entries(makers);
  return Array.from({ length: count }, (_, index): MalformedBody => {
    const [flaw, maker] = kinds[(seed + index) % kinds.length] ?? kinds[0] ?? raise();
    return { flaw, body: maker(seed * 1_000_000 + index, random) };
  });
}

function raise(): never {
  throw new Error('there is nothing malformed to make');
}

function oneOf<T>(values: readonly [T, ...T[]], random: SeededRandom): T {
  return values[Math.floor(random() * values.length)] ?? values[0];
}

function cut(text: string, random: SeededRandom): string {
  return text.slice(0, 1 + Math.floor(random() * (text.length - 2)));
}

/** Any characters that SQS takes: those of XML 1.0. */
function randomText(random: SeededRandom, length: number): string {
  return Array.from({ length }, () => {
    const code = Math.floor(random() * 0xd7ff);
    return code < 0x20 ? '\n' : String.fromCharCode(code);
  }).join('');
}
