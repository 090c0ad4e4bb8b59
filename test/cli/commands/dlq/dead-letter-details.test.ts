import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { ReceivedDeadLetter } from '../../../../lib/adapters/sqs/dlq-client.ts';
import { readDeadLetter } from '../../../../lib/cli/lookups/dead-letters.ts';
import { describeDeadLetter, type Reveal } from '../../../../lib/cli/lookups/dlq/dead-letter-details.ts';
import { packMime } from '../../../../lib/domain/content.ts';
import { type FallbackMessage, serialiseFallbackMessage } from '../../../../lib/domain/fallback-message.ts';
import type { PayloadSource } from '../../../../lib/ports/queues.ts';
import { anEnvelope, mimeFrom } from '../../../support/an-envelope.ts';

const MASKED: Reveal = { addresses: false, body: false };

const WHOLE: Reveal = { addresses: true, body: true };

function aMessage(overrides: Partial<ReceivedDeadLetter> = {}): ReceivedDeadLetter {
  return {
    queueMessageId: 'q-1',
    receiptHandle: 'handle',
    body: serialiseFallbackMessage(anEnvelope()),
    sentAt: new Date('2026-05-03T10:00:00Z'),
    receiveCount: 1,
    groupId: undefined,
    movedByQueue: false,
    attributes: {},
    ...overrides,
  };
}

function storeWith(bytes: Buffer | undefined): () => Promise<PayloadSource> {
  return async () => ({
    get: async () => (bytes === undefined ? { kind: 'missing' } : { kind: 'payload', bytes }),
  });
}

const describeMessage = (message: FallbackMessage, reveal = MASKED, payloads = storeWith(undefined)) =>
  describeDeadLetter(readDeadLetter(aMessage({ body: serialiseFallbackMessage(message) })), reveal, payloads);

describe('a dead letter', () => {
  it.each<[string, string, Partial<ReceivedDeadLetter>]>([
    ['of the attribute it was dead-lettered with', 'expired', { attributes: { cause: 'expired' } }],
    ['when SQS moved it', 'too-many-receives', { movedByQueue: true }],
    ['when it was received too often', 'too-many-receives', { receiveCount: 1001 }],
    ['without one', 'not-said', {}],
    ['when it cannot be parsed', 'not-json', { body: '{', attributes: { cause: 'not-json' } }],
    ['when it cannot be parsed and came without one', 'wrong-schema', { body: '{"version":1}' }],
  ])('has a cause %s', (_, cause, message) => {
    expect(readDeadLetter(aMessage(message)).cause).toBe(cause);
  });

  it('has no control characters for the terminal and no address in its detail', () => {
    const attributes = {
      cause: 'odd\u001b[2J',
      detail: 'refused\u0007 marie@example.org\u202e',
      deliveryId: '\u009b1',
    };

    const { cause, detail, deliveryId } = readDeadLetter(aMessage({ body: '', attributes }));

    expect([cause, detail, deliveryId].join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(detail).not.toContain('marie@');
  });

  it('is described with its decoded subject, and its addresses masked and without names', async () => {
    const mime = Buffer.from(
      [
        'From: "Marie Dupont" <marie@keybuzz.io>',
        'To: =?UTF-8?Q?Jos=C3=A9?= <jose@example.org>,',
        ' zoe@example.org',
        'Subject: =?UTF-8?Q?Votre_comman?= =?UTF-8?B?ZGUgw6A=?= zoe@example.org',
        '',
        'Secret.',
      ].join('\r\n'),
    );

    const details = await describeMessage(anEnvelope({ content: packMime(mime) }));

    expect(details.envelope?.content).toMatchObject({
      kind: 'mail',
      headers: {
        From: 'm***@keybuzz.io',
        To: 'j***@example.org, z***@example.org',
        Subject: 'Votre commande à z***@example.org',
      },
    });
    expect(JSON.stringify(details)).not.toMatch(/Dupont|jose|Jos=|marie|zoe|Secret/);
  });

  it('is described if the mail is structured, too', async () => {
    const content = {
      type: 'mail',
      from: 'a@keybuzz.io',
      to: ['b@example.org'],
      subject: 'Hi',
      text: 'T',
    } as const;

    const details = await describeMessage(anEnvelope({ content: { ...content, to: [...content.to] } }), {
      addresses: true,
      body: true,
    });

    expect(details.envelope?.content).toMatchObject({
      headers: { From: 'a@keybuzz.io', To: 'b@example.org', Subject: 'Hi' },
      body: 'T',
    });
  });

  it('fetches a large mail, and says so if it is missing or differs', async () => {
    const mime = mimeFrom('support@keybuzz.io');
    const sha256 = createHash('sha256').update(mime).digest('hex');
    const envelope = anEnvelope({ content: { type: 's3', key: 'payloads/x', bytes: mime.length, sha256 } });

    const [found, missing, other] = await Promise.all(
      [mime, undefined, Buffer.from('x')].map((bytes) => describeMessage(envelope, MASKED, storeWith(bytes))),
    );

    expect(found?.envelope?.content).toMatchObject({ headers: { Subject: 'Your order' } });
    expect(missing?.envelope?.content.kind).toBe('not-readable');
    expect(other?.envelope?.content.kind).toBe('not-readable');
  });

  it('is shown raw if it cannot be parsed and the body was requested', async () => {
    const deadLetter = readDeadLetter(aMessage({ body: '{"to":"marie@example.org"' }));

    const masked = await describeDeadLetter(deadLetter, MASKED, storeWith(undefined));
    const raw = await describeDeadLetter(deadLetter, { addresses: false, body: true }, storeWith(undefined));

    expect(JSON.stringify(masked)).not.toContain('marie');
    expect(raw.raw).toBe('{"to":"m***@example.org"');
    expect((await describeDeadLetter(deadLetter, WHOLE, storeWith(undefined))).raw).toContain(
      'marie@example.org',
    );
  });

  it.each<[string, FallbackMessage['content']]>([
    [
      'as structured content',
      { type: 'mail', from: 'a@keybuzz.io', to: ['b@example.org'], text: 'Ask marie@example.org.' },
    ],
    ['as MIME', packMime(Buffer.from('From: a@keybuzz.io\r\n\r\nAsk marie@example.org.'))],
  ])('masks the addresses in the body of a mail %s', async (_, content) => {
    const masked = await describeMessage(anEnvelope({ content }), { addresses: false, body: true });
    const whole = await describeMessage(anEnvelope({ content }), WHOLE);

    expect(masked.envelope?.content).toMatchObject({ body: expect.stringContaining('m***@example.org') });
    expect(JSON.stringify(masked)).not.toContain('marie');
    expect(whole.envelope?.content).toMatchObject({ body: 'Ask marie@example.org.' });
  });

  it('is described if the bucket denies access to its mail', async () => {
    const content = { type: 's3', key: 'payloads/x', bytes: 1, sha256: 'a'.repeat(64) } as const;
    const denied = Object.assign(new Error('not you'), { name: 'AccessDenied' });
    const payloads = async () => ({ put: async () => {}, get: () => Promise.reject(denied) });

    const details = await describeMessage(anEnvelope({ id: 'mail-7', content }), MASKED, payloads);

    expect(details.deliveryId).toBe('mail-7');
    expect(details.envelope?.content).toMatchObject({
      kind: 'not-readable',
      detail: expect.stringMatching(/not you.*fix: /),
    });
  });
});
