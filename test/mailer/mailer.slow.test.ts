import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { unpackMime } from '../../lib/domain/content.ts';
import type { Delivery } from '../../lib/domain/delivery.ts';
import { type FallbackMessage, parseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { MAX_CONTENT_BYTES } from '../../lib/domain/limits.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import type { Mail, Mailer } from '../../lib/mailer/mailer.ts';
import type { MailerSettings } from '../../lib/mailer/settings.ts';
import type { Log } from '../../lib/ports/runtime.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { takeAll, takeEnvelopes } from '../support/queue-contents.ts';
import { smtpSettingsFor } from '../support/smtp-settings-for.ts';
import { startStallingServer } from '../support/stalling-server.ts';

const MAIL: Mail = {
  id: 'reply-1',
  tenantId: 'tenant-7',
  from: 'KeyBuzz <support@keybuzz.io>',
  to: 'marie@example.org',
  subject: 'Your order',
  text: 'It is on its way.',
};

function inlineMime({ content }: FallbackMessage): Buffer {
  if (content.type !== 'mime') throw new Error(`the content is of type ${content.type}`);
  const unpacked = unpackMime(content);
  if (unpacked.kind !== 'mime') throw new Error(unpacked.detail);
  return unpacked.mime;
}

describe('the mailer', () => {
  let aws: SqsAndS3;
  let double: SmtpDouble;
  let mailer: Mailer;
  let logged: string[];

  const log: Log = {
    info: (event, fields) => logged.push(JSON.stringify({ event, ...fields })),
    warn: (event, fields) => logged.push(JSON.stringify({ event, ...fields })),
    error: (event, fields) => logged.push(JSON.stringify({ event, ...fields })),
  };

  function settings(overrides: Partial<MailerSettings> = {}): MailerSettings {
    return {
      smtp: smtpSettingsFor(double),
      fallback: fallbackSettingsFor(aws),
      ...overrides,
    };
  }

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
  });

  afterAll(async () => {
    await aws.close();
  });

  beforeEach(async () => {
    logged = [];
    double = await startSmtpDouble();
    mailer = createMailer(settings(), { log });
  });

  afterEach(async () => {
    aws.heal();
    await takeAll(aws, aws.fallback);
    await mailer.close();
    await double.close();
  });

  it('returns what SMTP accepted', async () => {
    const outcome = await mailer.send(MAIL);

    expect(outcome).toMatchObject({
      kind: 'taken',
      id: 'reply-1',
      messageId: expect.stringMatching(/^<.+@keybuzz\.io>$/),
      taken: { recipients: ['marie@example.org'], response: expect.stringMatching(/^250 /) },
    });
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('hands over the bytes that were sent to SMTP', async () => {
    await double.behave({ kind: 'final-reply', reply: '452 4.3.1 Insufficient system storage' });
    const composed = await mailer.compose(MAIL);
    if (composed.kind !== 'delivery') throw new Error(composed.detail);

    const outcome = await mailer.deliver(composed.delivery);

    expect(outcome).toMatchObject({
      kind: 'handed-over',
      handOver: {
        queueMessageId: expect.any(String),
        failure: { class: 'deferred' },
        recipients: ['marie@example.org'],
      },
    });
    const [envelope, ...others] = await takeEnvelopes(aws);
    expect(others).toEqual([]);
    expect(envelope).toMatchObject({
      id: 'reply-1',
      tenantId: 'tenant-7',
      envelope: { to: ['marie@example.org'] },
    });
    expect(envelope && inlineMime(envelope).equals(composed.delivery.mime)).toBe(true);
  });

  it('hands over an urgent mail as urgent, and says nothing of any other', async () => {
    await double.behave({ kind: 'refused' });
    await mailer.send({ ...MAIL, id: 'otp-1', urgent: true });
    await mailer.send({ ...MAIL, id: 'reply-1', urgent: false });

    const envelopes = await takeEnvelopes(aws);
    expect(new Map(envelopes.map((envelope) => [envelope.id, envelope.priority]))).toEqual(
      new Map([
        ['otp-1', 'urgent'],
        ['reply-1', undefined],
      ]),
    );
    expect(envelopes.find(({ id }) => id === 'reply-1')).not.toHaveProperty('priority');
  });

  it('names the tenant as message group', async () => {
    await double.behave({ kind: 'refused' });
    await mailer.send(MAIL);

    const [message] = await takeAll(aws, aws.fallback);

    expect(message?.Attributes?.MessageGroupId).toBe('tenant-7');
    expect(message?.MessageAttributes).toBeUndefined();
  });

  it('hands over only the rejected recipients out of several', async () => {
    await double.behave({
      kind: 'recipients-refused',
      replies: { 'paul@example.org': '450 4.2.0 Greylisted' },
    });

    const outcome = await mailer.send({ ...MAIL, cc: 'paul@example.org' });

    expect(outcome).toMatchObject({
      kind: 'split',
      taken: { recipients: ['marie@example.org'] },
      handOver: { recipients: ['paul@example.org'], failure: { class: 'deferred', command: 'RCPT TO' } },
    });
    expect((await takeEnvelopes(aws)).map(({ envelope }) => envelope.to)).toEqual([['paul@example.org']]);
  });

  it('loses and duplicates no recipient if some are rejected and then the data fails', async () => {
    const replies = { 'paul@example.org': '550 5.1.1 No such user' } as const;
    await double.behave(
      { kind: 'recipients-refused', replies },
      { kind: 'final-reply', reply: '451 4.3.0 Later' },
    );

    const outcome = await mailer.send({ ...MAIL, bcc: 'paul@example.org' });

    expect(outcome).toMatchObject({ kind: 'handed-over', handOver: { failure: { class: 'deferred' } } });
    expect((await takeEnvelopes(aws)).map(({ envelope }) => [...envelope.to].sort())).toEqual([
      ['marie@example.org', 'paul@example.org'],
    ]);
  });

  it('never sends a Bcc header, neither composed nor raw', async () => {
    const raw = 'From: a@keybuzz.io\nTo: marie@example.org\nBcc: hidden@example.org\nSubject: raw\n\nHello\n';

    await mailer.send({ ...MAIL, bcc: 'hidden@example.org' });
    await mailer.send({ ...MAIL, raw, envelope: { from: 'a@keybuzz.io', to: ['marie@example.org'] } });

    expect(double.mails[0]?.to).toEqual(['marie@example.org', 'hidden@example.org']);
    for (const { raw: bytes } of double.mails) expect(bytes.toString()).not.toContain('hidden@example.org');
    expect(double.mails[1]?.raw.toString()).toMatch(/^Message-ID: <.+>\r\nFrom: a@keybuzz\.io\r\nTo: /);
  });

  it('keeps all fields of a mail: names, attachments, images, threads, lists, headers', async () => {
    await double.behave({ kind: 'refused' });
    await mailer.send({
      ...MAIL,
      to: 'Jörg Müller <info@bücher.example>',
      subject: 'Réponse à votre commande №5 📦',
      inReplyTo: '<order-1@shop.example>',
      references: ['<order-0@shop.example>', '<order-1@shop.example>'],
      html: '<p>See <img src="cid:logo@keybuzz.io"></p>',
      attachments: [
        { filename: 'Rechnung März.pdf', content: Buffer.from('%PDF-1.4') },
        { filename: 'logo.png', cid: 'logo@keybuzz.io', content: Buffer.from('PNG') },
      ],
      list: { unsubscribe: { url: 'https://keybuzz.io/u/1', comment: 'Stop' } },
      headers: { 'X-Campaign': 'spring' },
    });

    const [envelope] = await takeEnvelopes(aws);
    const mime = envelope ? inlineMime(envelope).toString() : '';

    expect(envelope?.envelope.to).toEqual(['info@xn--bcher-kva.example']);
    for (const header of [
      /^To: =\?UTF-8\?.+\?= <info@xn--bcher-kva\.example>\r$/m,
      /^Subject: =\?UTF-8\?/m,
      /^In-Reply-To: <order-1@shop\.example>\r$/m,
      /^References: <order-0@shop\.example> <order-1@shop\.example>\r$/m,
      /^List-Unsubscribe: <https:\/\/keybuzz\.io\/u\/1>/m,
      /^X-Campaign: spring\r$/m,
      /^Content-ID: <logo@keybuzz\.io>\r$/m,
    ]) {
      expect(mime).toMatch(header);
    }
    expect(mime).toContain(Buffer.from('%PDF-1.4').toString('base64'));
  });

  it('refuses an address that needs SMTPUTF8, which the fallback does not have', async () => {
    expect(await mailer.send({ ...MAIL, to: 'jörg@example.org' })).toMatchObject({
      kind: 'refused',
      reason: 'invalid',
      detail: expect.stringContaining('its local part is not ASCII'),
    });
    expect(double.connections).toBe(0);
  });

  it('hands over for the recipients that can be sent to, and reports the others', async () => {
    await double.behave({ kind: 'refused' });
    const composed = await mailer.compose({ ...MAIL, cc: ['root@localhost', 'clara@example.org'] });
    if (composed.kind !== 'delivery') throw new Error(composed.detail);

    const outcome = await mailer.deliver(composed.delivery);

    const refused = [{ address: 'root@localhost', detail: expect.stringContaining('top-level domain') }];
    const recipients = ['marie@example.org', 'clara@example.org'];
    expect(outcome).toMatchObject({ kind: 'handed-over', handOver: { recipients }, refused });
    expect((await takeEnvelopes(aws)).map(({ envelope }) => envelope.to)).toEqual([recipients]);
    expect(logged.join()).toContain('"recipientsRefused":1');
    expect(logged.join()).not.toContain('root@localhost');
    // A delivery that was kept since before may name them as well.
    const kept = { ...composed.delivery, refused: [], to: ['marie@example.org', 'root@localhost'] };
    expect(await mailer.deliver(kept)).toMatchObject({ kind: 'handed-over', refused });
  });

  it('hands over for a tenant of any name, in a message group that SQS takes', async () => {
    await double.behave({ kind: 'refused' });
    const tenants = ['Müller GmbH', '店'.repeat(100), 'x'.repeat(200), ''];
    for (const [index, tenantId] of tenants.entries()) {
      expect(await mailer.send({ ...MAIL, id: `reply-${index}`, tenantId })).toMatchObject({
        kind: 'handed-over',
      });
    }

    const messages = await takeAll(aws, aws.fallback);

    const groups = new Map(
      messages.map(({ Body = '{}', Attributes }) => {
        const parsed = parseFallbackMessage(Body);
        if (parsed.kind !== 'message') throw new Error(parsed.detail);
        return [parsed.message.tenantId, Attributes?.MessageGroupId];
      }),
    );
    expect([...groups.keys()].sort()).toEqual([...tenants.slice(0, 3).sort(), undefined]);
    for (const tenantId of tenants.slice(0, 3)) expect(groups.get(tenantId)).toMatch(/^[\x21-\x7e]{1,128}$/);
    expect(groups.get(undefined)).toBeUndefined();
    expect(new Set(groups.values()).size).toBe(4);
  });

  it('puts large content into S3, with its size and its hash', async () => {
    await double.behave({ kind: 'refused' });
    const attachment = randomBytes(2_000_000);

    const outcome = await mailer.send({ ...MAIL, attachments: [{ filename: 'a.bin', content: attachment }] });

    expect(outcome.kind).toBe('handed-over');
    const [envelope] = await takeEnvelopes(aws);
    if (envelope?.content.type !== 's3') throw new Error('the content is not in S3');
    const { key, bytes, sha256 } = envelope.content;
    const stored = await aws.s3.send(new GetObjectCommand({ Bucket: aws.bucket, Key: key }));
    const body = Buffer.from((await stored.Body?.transformToByteArray()) ?? []);
    expect(body.length).toBe(bytes);
    expect(createHash('sha256').update(body).digest('hex')).toBe(sha256);
    expect(key).not.toContain('reply-1');
  });

  it('rejects more than 40 MB before sending, and names the limit and the size', async () => {
    const content = Readable.from(Array.from({ length: 45 }, () => Buffer.alloc(1024 * 1024, 'x')));

    const outcome = await mailer.send({ ...MAIL, attachments: [{ filename: 'big.bin', content }] });

    expect(outcome).toMatchObject({ kind: 'refused', reason: 'too-large' });
    expect(outcome.kind === 'refused' && outcome.detail).toMatch(
      new RegExp(`^the message has 6\\d{7} bytes, at most ${MAX_CONTENT_BYTES}`),
    );
    expect(double.connections).toBe(0);
  });

  it.each<[string, Partial<Mail>, string]>([
    ['no recipient', { to: [] }, 'no-recipient'],
    ['an expiry in the past', { expiresAt: new Date(Date.now() - 1) }, 'expired'],
    ['an invalid expiry', { expiresAt: new Date('garbage') }, 'invalid'],
    ['an expiry after the year 9999', { expiresAt: new Date(8.64e15) }, 'invalid'],
    ['an expiry as text', JSON.parse('{"expiresAt":"2030-01-01T00:00:00Z"}'), 'invalid'],
    ['no sender', { from: undefined }, 'invalid'],
    ['more header than any mail needs', { headers: { 'X-Long': 'x'.repeat(3_000_000) } }, 'invalid'],
    ['an id that is too long', { id: 'x'.repeat(129) }, 'invalid'],
    ['a tenant of 257 characters', { tenantId: 'x'.repeat(257) }, 'invalid'],
    ['a tag that SES does not accept', { tags: { 'my tag': 'x' } }, 'invalid'],
  ])('rejects a mail with %s', async (_name, change, reason) => {
    expect(await mailer.send({ ...MAIL, ...change })).toMatchObject({ kind: 'refused', reason });
    expect(double.connections).toBe(0);
  });

  async function composedDelivery(change: Partial<Mail> = {}): Promise<Delivery> {
    const composed = await mailer.compose({ ...MAIL, ...change });
    if (composed.kind !== 'delivery') throw new Error(composed.detail);
    return composed.delivery;
  }

  const storedDeliveries: [string, (delivery: Delivery) => Delivery, string][] = [
    ['no recipient', (delivery) => ({ ...delivery, to: [] }), 'no-recipient'],
    [
      'an expiry in the past',
      (delivery) => ({ ...delivery, expiresAt: new Date(Date.now() - 1) }),
      'expired',
    ],
    ['an invalid expiry', (delivery) => ({ ...delivery, expiresAt: new Date('garbage') }), 'invalid'],
    ['an expiry after the year 9999', (delivery) => ({ ...delivery, expiresAt: new Date(8e15) }), 'invalid'],
    [
      'its times as text, as in JSON',
      (delivery) => ({ ...JSON.parse(JSON.stringify(delivery)), mime: delivery.mime }),
      'invalid',
    ],
    ['its bytes as in JSON', (delivery) => ({ ...delivery, mime: JSON.parse('{"data":[]}') }), 'invalid'],
    ['an invalid address', (delivery) => ({ ...delivery, to: ['marie@example.org/x'] }), 'invalid'],
  ];

  it.each(storedDeliveries)(
    'rejects a stored delivery with %s, by SMTP and by the queue',
    async (_name, change, reason) => {
      await double.behave({ kind: 'refused' });
      const delivery = change(await composedDelivery());
      const failure = { class: 'unreachable', phase: 'connect', at: new Date().toISOString() } as const;

      expect(await mailer.deliver(delivery)).toMatchObject({ kind: 'refused', reason });
      expect(await mailer.handOver(delivery, failure)).toMatchObject({ kind: 'refused', reason });
      expect(await takeEnvelopes(aws)).toEqual([]);
    },
  );

  it('returns an outcome if the response of the queue never ends', async () => {
    const server = await startStallingServer('trickles');
    await double.behave({ kind: 'refused' });
    const { fallback, ...rest } = settings();
    const stalled = createMailer({ ...rest, fallback: { ...fallback, sqsEndpoint: server.url } });

    const outcome = await stalled.send(MAIL);

    expect(outcome).toMatchObject({ kind: 'not-accepted', fallback: { code: 'queue-unavailable' } });
    await stalled.close();
    await server.close();
  }, 30_000);

  const longAddress = (index: number) => `buyer-${index}@${`${'x'.repeat(60)}.`.repeat(3)}example`;

  it.each<[string, string[]]>([
    [
      'more than 10,000 recipients',
      Array.from({ length: 10_001 }, (_, index) => `buyer-${index}@example.org`),
    ],
    [
      'more addresses than fit into a queue message',
      Array.from({ length: 5_000 }, (_, index) => longAddress(index)),
    ],
  ])('rejects a mail with %s', async (_name, to) => {
    expect(await mailer.send({ ...MAIL, bcc: to })).toMatchObject({ kind: 'refused', reason: 'invalid' });
  });

  it('hands over 10,000 recipients in one message', async () => {
    await double.behave({ kind: 'refused' });
    const bcc = Array.from({ length: 9_999 }, (_, index) => `buyer-${index}@example.org`);

    expect((await mailer.send({ ...MAIL, bcc })).kind).toBe('handed-over');
    expect((await takeEnvelopes(aws)).map(({ envelope }) => envelope.to.length)).toEqual([10_000]);
  });

  it('uses the Message-ID as id by default', async () => {
    const outcome = await mailer.send({ ...MAIL, id: undefined, messageId: '<m-1@keybuzz.io>' });

    expect(outcome).toMatchObject({ id: 'm-1@keybuzz.io', messageId: '<m-1@keybuzz.io>' });
  });

  it('returns both reasons if neither way accepts the mail', async () => {
    await double.behave({ kind: 'refused' });
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessage' } });

    const outcome = await mailer.send(MAIL);

    expect(outcome).toMatchObject({
      kind: 'not-accepted',
      smtp: { class: 'unreachable', code: 'ECONNREFUSED' },
      fallback: { code: 'queue-misconfigured', detail: expect.stringContaining('AccessDenied') },
      recipients: ['marie@example.org'],
    });
  });

  it('returns what SMTP accepted even if the hand-over of the others fails', async () => {
    await double.behave({
      kind: 'recipients-refused',
      replies: { 'paul@example.org': '550 5.1.1 No such user' },
    });
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessage' } });

    const outcome = await mailer.send({ ...MAIL, cc: 'paul@example.org' });

    expect(outcome).toMatchObject({
      kind: 'not-accepted',
      taken: { recipients: ['marie@example.org'] },
      recipients: ['paul@example.org'],
    });
  });

  it('finds nothing wrong with a fallback that would work, and leaves nothing in the queue', async () => {
    expect(await mailer.verifyFallback()).toEqual([]);
    expect(await mailer.verifyFallback()).toEqual([]);
    expect(await takeAll(aws, aws.fallback)).toEqual([]);
  });

  it('finds a queue and a bucket that do not exist, each', async () => {
    const { queueUrl, payloadBucket } = fallbackSettingsFor(aws);
    const wrong = { queueUrl: `${queueUrl}-old`, payloadBucket: `${payloadBucket}-old` };
    const misled = createMailer(settings({ fallback: { ...fallbackSettingsFor(aws), ...wrong } }), { log });

    expect(await misled.verifyFallback()).toEqual([
      { code: 'queue-misconfigured', detail: expect.stringMatching(/^QueueDoesNotExist|NonExistentQueue$/) },
      { code: 'payload-store-misconfigured', detail: 'NoSuchBucket' },
    ]);
    await double.behave({ kind: 'refused' });
    const outcome = await misled.send(MAIL);
    expect(outcome).toMatchObject({ kind: 'not-accepted', fallback: { code: 'queue-misconfigured' } });
    await misled.close();
  });

  it('finds a key that may not hand over', async () => {
    aws.fault({ fault: { kind: 'denied' }, on: { service: 'sqs' } });
    aws.fault({ fault: { kind: 'denied' }, on: { service: 's3' } });

    expect(await mailer.verifyFallback()).toEqual([
      { code: 'queue-misconfigured', detail: expect.stringMatching(/^AccessDenied/) },
      { code: 'payload-store-misconfigured', detail: 'AccessDenied' },
    ]);
  });

  it('tells what may pass from what is wrong', async () => {
    aws.fault({ fault: { kind: 'error', status: 503 } });

    expect((await mailer.verifyFallback()).map(({ code }) => code)).toEqual([
      'queue-unavailable',
      'payload-store-unavailable',
    ]);
  });

  it('reports a failure of the payload store as such', async () => {
    await double.behave({ kind: 'refused' });
    aws.fault({ fault: { kind: 'denied' }, on: { service: 's3' } });

    const outcome = await mailer.send({
      ...MAIL,
      attachments: [{ filename: 'a.bin', content: randomBytes(2_000_000) }],
    });

    expect(outcome).toMatchObject({
      kind: 'not-accepted',
      fallback: { code: 'payload-store-misconfigured' },
    });
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('survives a transient fault of SQS', async () => {
    await double.behave({ kind: 'refused' });
    aws.fault({ fault: { kind: 'error', status: 503 }, on: { action: 'SendMessage' }, times: 2 });

    expect((await mailer.send(MAIL)).kind).toBe('handed-over');
    expect(await takeEnvelopes(aws)).toHaveLength(1);
  });

  it('resends what may have been accepted', async () => {
    await double.behave({ kind: 'break', at: 'final-dot', by: 'reset' });

    const outcome = await mailer.send(MAIL);

    expect(outcome).toMatchObject({ kind: 'handed-over', handOver: { failure: { class: 'unknown' } } });
  });

  it('holds what may have been accepted if so configured, and hands over rejected recipients', async () => {
    const holding = createMailer(settings({ onUnknown: 'hold' }), { log });
    const replies = { 'paul@example.org': '550 5.1.1 No such user' } as const;
    await double.behave(
      { kind: 'recipients-refused', replies },
      { kind: 'break', at: 'final-dot', by: 'reset' },
    );

    const outcome = await holding.send({ ...MAIL, cc: 'paul@example.org' });
    await holding.close();

    expect(outcome).toMatchObject({
      kind: 'held',
      failure: { class: 'unknown' },
      recipients: ['marie@example.org'],
      handOver: { recipients: ['paul@example.org'], failure: { class: 'rejected' } },
    });
  });

  it('holds nothing that SMTP certainly did not accept', async () => {
    const holding = createMailer(settings({ onUnknown: 'hold' }), { log });
    await double.behave({ kind: 'final-reply', reply: '452 4.3.1 Full' });

    const outcome = await holding.send(MAIL);
    await holding.close();

    expect(outcome).toMatchObject({ kind: 'handed-over', handOver: { failure: { class: 'deferred' } } });
  });

  it('reports of several rejections the transient one', async () => {
    const replies = {
      'paul@example.org': '550 5.1.1 No such user',
      'anne@example.org': '450 4.2.0 Greylisted',
    } as const;
    await double.behave({ kind: 'recipients-refused', replies });

    const outcome = await mailer.send({ ...MAIL, cc: ['paul@example.org', 'anne@example.org'] });

    expect(outcome).toMatchObject({ kind: 'split', handOver: { failure: { class: 'deferred' } } });
  });

  it('hands over many at once in batches, each mail once', async () => {
    await double.behave({ kind: 'refused' });
    const before = aws.callsOf({ action: 'SendMessageBatch' }) + aws.callsOf({ action: 'SendMessage' });

    const outcomes = await Promise.all(
      Array.from({ length: 25 }, (_, index) => mailer.send({ ...MAIL, id: `bulk-${index}` })),
    );

    const calls =
      aws.callsOf({ action: 'SendMessageBatch' }) + aws.callsOf({ action: 'SendMessage' }) - before;
    const ids = (await takeEnvelopes(aws)).map(({ id }) => id);
    expect(outcomes.every(({ kind }) => kind === 'handed-over')).toBe(true);
    expect([...ids].sort()).toEqual(Array.from({ length: 25 }, (_, index) => `bulk-${index}`).sort());
    expect(calls).toBeLessThan(25);
  });

  it.each([0, 1, 10])('sends what was given to it by SMTP if it is closed %i ms later', async (afterMs) => {
    const sends = Array.from({ length: 40 }, (_, number) => mailer.send({ ...MAIL, id: `reply-${number}` }));
    if (afterMs > 0) await delay(afterMs);

    await mailer.close();

    const outcomes = await Promise.all(sends);
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array.from({ length: 40 }, () => 'taken'));
    expect(double.mails).toHaveLength(40);
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('rejects what is given to it after it was closed, and hands over none of it', async () => {
    const composed = await mailer.compose(MAIL);
    if (composed.kind !== 'delivery') throw new Error(composed.detail);

    const closing = mailer.close();

    const closed = { name: 'MailerClosedError', code: 'ECLOSED' };
    await expect(mailer.send(MAIL)).rejects.toMatchObject(closed);
    await closing;
    await expect(mailer.deliver(composed.delivery)).rejects.toMatchObject(closed);
    await expect(mailer.handOver(composed.delivery)).rejects.toMatchObject(closed);
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('can be closed twice, and each call waits for what is in flight', async () => {
    let isSent = false;
    const sending = mailer.send(MAIL).finally(() => {
      isSent = true;
    });

    await Promise.all([mailer.close(), mailer.close()]);

    expect(isSent).toBe(true);
    expect(await sending).toMatchObject({ kind: 'taken' });
  });

  it.each([
    ['the From header', { from: 'Shop <marie@shop.example>', sender: 'support@keybuzz.io' }],
    ['the envelope', { envelope: { from: 'marie@shop.example', to: ['marie@example.org'] } }],
    ['one of two in From', { from: ['support@keybuzz.io', 'marie@shop.example'] }],
  ])('warns of a sender of another domain in %s while SMTP takes the mail', async (_where, mail) => {
    let counted = 0;
    const options = { log, onForeignSender: () => (counted += 1) };
    const knowing = createMailer(
      settings({ fallback: { ...fallbackSettingsFor(aws), domain: 'keybuzz.io' } }),
      options,
    );

    const outcome = await knowing.send({ ...MAIL, ...mail });
    await knowing.send({ ...MAIL, id: 'reply-2', from: 'KeyBuzz <support@mail.keybuzz.io>' });
    await knowing.close();

    expect(outcome.kind).toBe('taken');
    expect(counted).toBe(1);
    const warnings = logged.filter((line) => line.includes('sender-not-for-fallback'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('"deliveryId":"reply-1","reason":"foreign-sender"');
    expect(warnings[0]).not.toContain('marie@');
  });

  it('logs neither a body nor a full address', async () => {
    await double.behave({ kind: 'relay-denied', reply: '550 5.1.1 <marie@example.org>: no such user' });
    await mailer.send(MAIL);
    await double.behave({ kind: 'healthy' });
    await mailer.send(MAIL);

    expect(logged).toHaveLength(2);
    expect(logged.join()).toContain('"deliveryId":"reply-1"');
    expect(logged.join()).not.toMatch(/marie@|on its way|Your order/);
  });
});
