import { createHash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type BatchParts, resendBatch } from '../../../lambda/resend/resend-batch.ts';
import { MailContentComposer } from '../../../lib/adapters/mime/mail-content-composer.ts';
import { S3PayloadStore } from '../../../lib/adapters/s3/s3-payload-store.ts';
import { SesV1Sender } from '../../../lib/adapters/ses/ses-v1-sender.ts';
import { SqsDeadLetters } from '../../../lib/adapters/sqs/sqs-dead-letters.ts';
import { SqsFallbackQueue } from '../../../lib/adapters/sqs/sqs-fallback-queue.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/local/aws/sqs-and-s3.ts';
import { type SesDouble, startSesDouble } from '../../../lib/local/ses/ses-double.ts';
import { compositionMark } from '../../../lib/message/composition-mark.ts';
import { packMime } from '../../../lib/message/content-codec.ts';
import type { Envelope, MailContent } from '../../../lib/message/envelope.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../../lib/message/limits.ts';
import type { DeadLetters } from '../../../lib/ports/dead-letters.ts';
import type { FallbackQueue } from '../../../lib/ports/fallback-queue.ts';
import type { Redelivery } from '../../../lib/ports/redelivery.ts';
import { aRecord, aRecordOf } from '../../support/a-record.ts';
import { anEnvelope, mimeFrom } from '../../support/an-envelope.ts';
import { takeAll, takeEnvelopes } from '../../support/queue-contents.ts';

const recipients = (count: number) =>
  Array.from({ length: count }, (_, index) => `buyer-${index}@example.org`);

describe('the resend Lambda', () => {
  let aws: SqsAndS3;
  let ses: SesDouble;
  let parts: BatchParts;
  let logged: string[];
  let postponed: { receiptHandle: string; delaySeconds: number }[];

  const redelivery: Redelivery = {
    postpone: async (receiptHandle, delaySeconds) => {
      postponed.push({ receiptHandle, delaySeconds });
    },
  };

  const write = (event: string, fields?: object) => logged.push(JSON.stringify({ event, ...fields }));

  /** What is in the dead letters: the reason, the detail, and the body. */
  async function parked() {
    const messages = await takeAll(aws, aws.deadLetters);
    return messages.map(({ Body, MessageAttributes }) => ({
      reason: MessageAttributes?.reason?.StringValue,
      detail: MessageAttributes?.detail?.StringValue,
      deliveryId: MessageAttributes?.deliveryId?.StringValue,
      body: Body ?? '',
    }));
  }

  async function storePayload(key: string, mime: Buffer): Promise<void> {
    await aws.s3.send(new PutObjectCommand({ Bucket: aws.bucket, Key: key, Body: mime }));
  }

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
  });

  afterAll(async () => {
    await aws.close();
  });

  beforeEach(async () => {
    logged = [];
    postponed = [];
    ses = await startSesDouble({
      identities: ['keybuzz.io'],
      configurationSets: ['keybuzz-mail'],
      maxSendRate: 10_000,
    });
    const where = { region: 'eu-west-1', endpoint: ses.url, credentials: aws.credentials };
    parts = {
      ses: new SesV1Sender('keybuzz-mail', 2_000, where),
      sources: {
        payloads: async () => new S3PayloadStore(aws.s3, aws.bucket, 5_000),
        composer: async () => new MailContentComposer(),
      },
      queue: new SqsFallbackQueue(aws.sqs, aws.fallback.url, 5_000),
      deadLetters: new SqsDeadLetters(aws.sqs, aws.deadLetters.url, 5_000),
      redelivery,
      fromDomain: 'keybuzz.io',
      clock: { now: () => new Date() },
      random: () => 0.5,
      hasTime: () => true,
      log: { info: write, warn: write, error: write },
    };
  });

  afterEach(async () => {
    aws.heal();
    await takeAll(aws, aws.fallback);
    await takeAll(aws, aws.deadLetters);
    await ses.close();
  });

  it('resends the frozen bytes to the owed recipients and acknowledges', async () => {
    const mime = mimeFrom('support@keybuzz.io');
    const envelope = anEnvelope({ id: 'reply-1', content: packMime(mime), tags: { kind: 'reply' } });

    const response = await resendBatch([aRecordOf(envelope)], parts);

    expect(response.batchItemFailures).toEqual([]);
    expect(ses.mails).toHaveLength(1);
    expect(ses.mails[0]).toMatchObject({
      source: 'support@keybuzz.io',
      recipients: ['marie@example.org'],
      tags: { kind: 'reply', deliveryId: 'reply-1' },
    });
    expect(ses.mails[0]?.raw.equals(mime)).toBe(true);
  });

  it('resends content out of the bucket', async () => {
    const mime = mimeFrom('support@keybuzz.io', 'large');
    const sha256 = createHash('sha256').update(mime).digest('hex');
    await storePayload('payloads/a/b', mime);

    await resendBatch(
      [aRecordOf(anEnvelope({ content: { type: 's3', key: 'payloads/a/b', bytes: mime.length, sha256 } }))],
      parts,
    );

    expect(ses.mails[0]?.raw.equals(mime)).toBe(true);
  });

  it('composes a mail that came in parts, and drops its Bcc', async () => {
    const content: MailContent = {
      type: 'mail',
      from: 'KeyBuzz <support@keybuzz.io>',
      to: 'Jörg <joerg@example.org>',
      bcc: 'audit@keybuzz.io',
      subject: 'Votre commande №5',
      text: 'Bonjour',
      headers: { 'X-Campaign': 'spring', 'List-Unsubscribe': '<https://keybuzz.io/u/1>' },
      attachments: [{ filename: 'a.txt', content: Buffer.from('attached').toString('base64') }],
    };

    await resendBatch(
      [
        aRecordOf(
          anEnvelope({
            content,
            envelope: { from: 'support@keybuzz.io', to: ['joerg@example.org', 'audit@keybuzz.io'] },
          }),
        ),
      ],
      parts,
    );

    const text = ses.mails[0]?.raw.toString() ?? '';
    expect(ses.mails[0]?.recipients).toEqual(['joerg@example.org', 'audit@keybuzz.io']);
    expect(text).toMatch(/^X-Campaign: spring\r$/m);
    expect(text).toMatch(/^List-Unsubscribe: <https:\/\/keybuzz\.io\/u\/1>\r$/m);
    expect(text).toContain('YXR0YWNoZWQ=');
    expect(text).not.toMatch(/audit@|^bcc:/im);
  });

  it('reads no file that a mail in parts names', async () => {
    const text = JSON.stringify({
      ...anEnvelope(),
      content: {
        type: 'mail',
        from: 'support@keybuzz.io',
        text: 'see attached',
        attachments: [{ filename: 'passwd', path: '/etc/passwd', content: '' }],
        html: { path: '/etc/passwd' },
      },
    });

    await resendBatch([aRecord(text)], parts);

    expect(ses.mails).toEqual([]);
    expect(await parked()).toMatchObject([{ reason: 'wrong-schema' }]);
  });

  const neverSent: [string, string, () => string | Promise<string>][] = [
    ['what is no JSON', 'not-json', () => 'Hello?'],
    ['a wrong schema', 'wrong-schema', () => '{"version":1}'],
    ['another version', 'wrong-version', () => JSON.stringify({ ...anEnvelope(), version: 2 })],
    [
      'what has expired',
      'expired',
      () => JSON.stringify(anEnvelope({ expiresAt: '2020-01-01T00:00:00.000Z' })),
    ],
    [
      'a sender of another domain',
      'foreign-sender',
      () => JSON.stringify(anEnvelope({ envelope: { from: 'ceo@evil.example', to: ['marie@example.org'] } })),
    ],
    [
      'a From header of another domain',
      'foreign-sender',
      () => JSON.stringify(anEnvelope({ content: packMime(mimeFrom('ceo@evil.example')) })),
    ],
    [
      'two From headers',
      'foreign-sender',
      () =>
        JSON.stringify(anEnvelope({ content: packMime(mimeFrom('a@keybuzz.io\r\nFrom: ceo@evil.example')) })),
    ],
    [
      'a From header of two authors, one of another domain',
      'foreign-sender',
      () => JSON.stringify(anEnvelope({ content: packMime(mimeFrom('a@keybuzz.io, ceo@evil.example')) })),
    ],
    [
      'a message whose lines end in LF',
      'not-crlf',
      () =>
        JSON.stringify(
          anEnvelope({ content: packMime(Buffer.from('From: support@keybuzz.io\nSubject: x\n\nHello\n')) }),
        ),
    ],
    [
      'another From behind a bare LF',
      'not-crlf',
      () =>
        JSON.stringify(
          anEnvelope({
            content: packMime(
              Buffer.from('X: y\nFrom: ceo@evil.example\r\nFrom: a@keybuzz.io\r\n\r\nPay\r\n'),
            ),
          }),
        ),
    ],
    [
      '40 MB of header in a few KB',
      'malformed-header',
      () => JSON.stringify(anEnvelope({ content: packMime(Buffer.alloc(40 * 1024 * 1024, 'a:\r\n')) })),
    ],
    [
      'a foreign address in place of a name',
      'foreign-sender',
      () =>
        JSON.stringify(anEnvelope({ content: packMime(mimeFrom('ceo@evil.example <support@keybuzz.io>')) })),
    ],
    [
      'a compressed bomb',
      'size-mismatch',
      () => JSON.stringify(anEnvelope({ content: { ...packMime(Buffer.alloc(5_000_000)), bytes: 1000 } })),
    ],
    [
      'a payload that is not there',
      'payload-missing',
      () =>
        JSON.stringify(
          anEnvelope({ content: { type: 's3', key: 'payloads/none', bytes: 5, sha256: '0'.repeat(64) } }),
        ),
    ],
    [
      'a payload of another size',
      'size-mismatch',
      async () => {
        await storePayload('payloads/size', Buffer.alloc(100));
        return JSON.stringify(
          anEnvelope({ content: { type: 's3', key: 'payloads/size', bytes: 5, sha256: '0'.repeat(64) } }),
        );
      },
    ],
    [
      'a payload of another content',
      'hash-mismatch',
      async () => {
        await storePayload('payloads/hash', Buffer.alloc(5));
        return JSON.stringify(
          anEnvelope({ content: { type: 's3', key: 'payloads/hash', bytes: 5, sha256: '0'.repeat(64) } }),
        );
      },
    ],
  ];

  it.each(neverSent)('parks %s at once, with the reason', async (_name, reason, makeBody) => {
    const body = await makeBody();

    const response = await resendBatch([aRecord(body)], parts);

    expect(response.batchItemFailures).toEqual([]);
    expect(await parked()).toMatchObject([{ reason, body }]);
    expect(ses.calls).toEqual([]);
  });

  it('parks a body that leaves no room for the reason', async () => {
    const body = 'x'.repeat(MAX_QUEUE_MESSAGE_BYTES);

    await resendBatch([aRecord(body)], parts);

    expect((await parked()).map((letter) => letter.body.length)).toEqual([MAX_QUEUE_MESSAGE_BYTES]);
  });

  it('parks what SQS would soon delete unseen', async () => {
    const thirteenDaysAgo = String(Date.now() - 13 * 24 * 3600 * 1000 - 1);

    await resendBatch([aRecordOf(anEnvelope(), { SentTimestamp: thirteenDaysAgo })], parts);

    expect(await parked()).toMatchObject([{ reason: 'retention-ends' }]);
  });

  it('parks what SES will never take, without the addresses that SES quotes', async () => {
    ses.fault({
      effect: {
        kind: 'error',
        code: 'InvalidParameterValue',
        message: 'Bad address <marie@example.org>',
        status: 400,
      },
    });

    await resendBatch([aRecordOf(anEnvelope({ id: 'reply-1' }))], parts);

    expect(await parked()).toMatchObject([
      {
        reason: 'invalid-for-ses',
        deliveryId: 'reply-1',
        detail: expect.stringContaining('<m***@example.org>'),
      },
    ]);
  });

  it('puts back what may yet succeed, the longer the more often it failed', async () => {
    ses.account.sendingEnabled = false;

    const first = aRecordOf(anEnvelope());
    const tenth = aRecordOf(anEnvelope(), { ApproximateReceiveCount: '10' });
    const response = await resendBatch([first, tenth], parts);

    expect(response.batchItemFailures).toEqual([
      { itemIdentifier: first.messageId },
      { itemIdentifier: tenth.messageId },
    ]);
    expect(postponed).toEqual([
      { receiptHandle: first.receiptHandle, delaySeconds: 225 },
      { receiptHandle: tenth.receiptHandle, delaySeconds: 2025 },
    ]);
    expect(await parked()).toEqual([]);
  });

  it('keeps every mail while AWS has stopped the account', async () => {
    ses.account.enforcementStatus = 'SHUTDOWN';
    const record = aRecordOf(anEnvelope());

    const response = await resendBatch([record], parts);

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(await parked()).toEqual([]);
    expect(logged.join()).toContain('"cause":"sending-paused"');
  });

  const noDeadLetters: DeadLetters = {
    park: async () => {
      throw new Error('the dead letters are down');
    },
  };

  it.each([
    ['needs SMTPUTF8', ['marie@example.org', 'jörg@example.org']],
    ['SES would never take', ['marie@example.org', 'paul@localhost']],
  ])('sends once to the others where one that %s cannot be parked now', async (_name, to) => {
    const envelope = anEnvelope({ envelope: { from: 'support@keybuzz.io', to } });
    const pushed: { to: readonly string[]; delaySeconds: number | undefined }[] = [];
    const queue: FallbackQueue = {
      push: async (narrower, options) => {
        pushed.push({ to: narrower.envelope.to, delaySeconds: options?.delaySeconds });
        return 'queued';
      },
    };

    const response = await resendBatch([aRecordOf(envelope)], {
      ...parts,
      queue,
      deadLetters: noDeadLetters,
    });

    expect(response.batchItemFailures).toEqual([]);
    expect(ses.mails.flatMap((mail) => mail.recipients)).toEqual(['marie@example.org']);
    expect(pushed).toEqual([{ to: to.slice(1), delaySeconds: 4 }]);
  });

  it('parks alone the bad recipient out of fifty', async () => {
    const to = [...recipients(49), 'paul@localhost'];

    const response = await resendBatch(
      [aRecordOf(anEnvelope({ id: 'many', envelope: { from: 'support@keybuzz.io', to } }))],
      parts,
    );

    expect(response.batchItemFailures).toEqual([]);
    expect(ses.mails.flatMap((mail) => mail.recipients).sort()).toEqual(recipients(49).sort());
    const letters = await parked();
    expect(letters).toMatchObject([{ reason: 'invalid-for-ses', deliveryId: 'many' }]);
    expect(JSON.parse(letters[0]?.body ?? '').envelope.to).toEqual(['paul@localhost']);
  });

  it('forgets no recipient that needs SMTPUTF8 where the others have to wait', async () => {
    ses.fault({ effect: { kind: 'throttling' }, when: () => ses.mails.length === 1 });
    const to = [...recipients(60), 'jörg@example.org'];
    const kept: string[] = [];
    const queue: FallbackQueue = {
      push: async ({ envelope }) => {
        kept.push(...envelope.to);
        return 'queued';
      },
    };

    await resendBatch([aRecordOf(anEnvelope({ envelope: { from: 'support@keybuzz.io', to } }))], {
      ...parts,
      queue,
    });

    const letters = await parked();
    const dead = letters.flatMap(({ body }) => JSON.parse(body).envelope.to);
    expect([...ses.mails.flatMap((mail) => mail.recipients), ...kept, ...dead].sort()).toEqual(
      [...to].sort(),
    );
  });

  it('keeps what is left back for no longer than SQS can', async () => {
    ses.fault({
      effect: { kind: 'throttling', message: 'Daily message quota exceeded.' },
      when: () => ses.mails.length === 1,
    });
    const delays: (number | undefined)[] = [];
    const queue: FallbackQueue = {
      push: async (_envelope, options) => {
        delays.push(options?.delaySeconds);
        return 'queued';
      },
    };
    const envelope = anEnvelope({ envelope: { from: 'support@keybuzz.io', to: recipients(60) } });

    await resendBatch([aRecordOf(envelope, { ApproximateReceiveCount: '10' })], { ...parts, queue });

    expect(delays).toEqual([900]);
  });

  it('composes a mail in parts to the same bytes at every try', async () => {
    const envelope = anEnvelope({
      id: 'parts',
      content: { type: 'mail', from: 'support@keybuzz.io', text: 'Bonjour', html: '<p>Bonjour</p>' },
    });

    await resendBatch([aRecordOf(envelope), aRecordOf(envelope)], parts);

    const [first, second] = ses.mails;
    expect(first?.raw.toString()).toContain(
      `Message-ID: ${compositionMark('parts', 'support@keybuzz.io', new Date()).messageId}`,
    );
    expect(second?.raw.toString()).toBe(first?.raw.toString());
  });

  it('never lets one bad record fail its neighbours', async () => {
    ses.fault({
      effect: { kind: 'throttling' },
      when: ({ submission }) => submission?.tags.deliveryId === 'throttled',
    });
    const records = [
      aRecordOf(anEnvelope({ id: 'good-1' })),
      aRecord('no envelope at all'),
      aRecordOf(anEnvelope({ id: 'throttled' })),
      aRecordOf(anEnvelope({ id: 'good-2' })),
    ];

    const response = await resendBatch(records, parts);

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: records[2]?.messageId }]);
    expect(ses.mails.map(({ tags }) => tags.deliveryId)).toEqual(['good-1', 'good-2']);
    expect(await parked()).toHaveLength(1);
  });

  it.each([
    ['the bucket', () => aws.fault({ fault: { kind: 'denied' }, on: { service: 's3' } })],
    ['the dead letters', () => aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessage' } })],
  ])('keeps a message where %s cannot be reached', async (_name, breakIt) => {
    breakIt();
    const content = { type: 's3', key: 'payloads/none', bytes: 5, sha256: '0'.repeat(64) } as const;
    const record = aRecordOf(anEnvelope({ content }));

    const response = await resendBatch([record], parts);

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(postponed).toMatchObject([{ receiptHandle: record.receiptHandle }]);
  });

  it('sends to more than fifty in several calls, each recipient once', async () => {
    const to = recipients(120);

    await resendBatch(
      [
        aRecordOf(
          anEnvelope({
            envelope: { from: 'support@keybuzz.io', to: [...to, 'BUYER-0@EXAMPLE.ORG'.toLowerCase()] },
          }),
        ),
      ],
      parts,
    );

    expect(ses.mails.map((mail) => mail.recipients.length)).toEqual([50, 50, 20]);
    expect(ses.mails.flatMap((mail) => mail.recipients)).toEqual(to);
  });

  it('puts only the rest back where a later call fails', async () => {
    const to = recipients(120);
    ses.fault({ effect: { kind: 'throttling' }, when: () => ses.mails.length === 1 });
    const sentBefore = aws.callsOf({ action: 'SendMessage' });

    const response = await resendBatch(
      [aRecordOf(anEnvelope({ id: 'many', envelope: { from: 'support@keybuzz.io', to } }))],
      parts,
    );

    expect(response.batchItemFailures).toEqual([]);
    expect(ses.mails.flatMap((mail) => mail.recipients)).toEqual(to.slice(0, 50));
    expect(logged.join()).toMatch(/"event":"narrowed","deliveryId":"many","recipients":70/);
    expect(aws.callsOf({ action: 'SendMessage' })).toBe(sentBefore + 1);
  });

  it('goes on where it stopped when the time of the invocation is over', async () => {
    const to = recipients(120);
    let calls = 0;
    const hasTime = () => {
      calls += 1;
      return calls <= 3;
    };

    await resendBatch([aRecordOf(anEnvelope({ envelope: { from: 'support@keybuzz.io', to } }))], {
      ...parts,
      hasTime,
    });

    expect(ses.mails.flatMap((mail) => mail.recipients)).toEqual(to.slice(0, 100));
    expect((await takeEnvelopes(aws)).map(({ envelope }) => envelope.to)).toEqual([to.slice(100)]);
  });

  it('gives back at once what it has no time for', async () => {
    const record = aRecordOf(anEnvelope());

    const response = await resendBatch([record], { ...parts, hasTime: () => false });

    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(postponed).toEqual([{ receiptHandle: record.receiptHandle, delaySeconds: 0 }]);
    expect(ses.calls).toEqual([]);
  });

  it('parks alone the recipients that need SMTPUTF8, and gives the others an ASCII domain', async () => {
    const to = ['jörg@example.org', 'info@bücher.example'];

    await resendBatch([aRecordOf(anEnvelope({ envelope: { from: 'support@keybuzz.io', to } }))], parts);

    expect(ses.mails.map((mail) => mail.recipients)).toEqual([['info@xn--bcher-kva.example']]);
    const letters = await parked();
    expect(letters).toMatchObject([{ reason: 'needs-smtputf8' }]);
    const left: Envelope = JSON.parse(letters[0]?.body ?? '');
    expect(left.envelope.to).toEqual(['jörg@example.org']);
  });

  it('writes the delivery id into the log, and neither a body nor an address', async () => {
    ses.fault({
      effect: { kind: 'error', code: 'MessageRejected', message: 'No: marie@example.org', status: 400 },
    });

    await resendBatch(
      [
        aRecordOf(anEnvelope({ id: 'reply-1' })),
        aRecordOf(anEnvelope({ id: 'reply-2' })),
        aRecord('To: marie@example.org'),
      ],
      parts,
    );

    expect(logged).toHaveLength(3);
    expect(logged.join()).toMatch(/reply-1.*reply-2/);
    expect(logged.join()).not.toMatch(/marie@|support@|on its way|Your order/);
  });
});
