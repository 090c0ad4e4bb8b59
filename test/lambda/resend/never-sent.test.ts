import { describe, expect, it } from '@jest/globals';
import { packMime } from '../../../lib/domain/content.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../../lib/domain/limits.ts';
import { aRecord, aRecordOf } from '../../support/a-record.ts';
import { anEnvelope, mimeFrom } from '../../support/an-envelope.ts';
import { useResendBench } from './resend-bench.ts';

describe('what is never sent', () => {
  const bench = useResendBench();

  it('reads no file that a structured mail names', async () => {
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

    await bench.resend([aRecord(text)]);

    expect(bench.ses.mails).toEqual([]);
    expect(await bench.parked()).toMatchObject([{ cause: 'wrong-schema' }]);
  });

  const neverSent: [string, string, () => string | Promise<string>][] = [
    ['invalid JSON', 'not-json', () => 'Hello?'],
    ['a wrong schema', 'wrong-schema', () => '{"version":1}'],
    ['another version', 'wrong-version', () => JSON.stringify({ ...anEnvelope(), version: 2 })],
    [
      'an expired mail',
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
      'another From after a bare LF',
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
      () => JSON.stringify(anEnvelope({ content: packMime(Buffer.alloc(40_000_000, 'a:\r\n')) })),
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
      'a missing payload',
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
        await bench.storePayload('payloads/size', Buffer.alloc(100));
        return JSON.stringify(
          anEnvelope({ content: { type: 's3', key: 'payloads/size', bytes: 5, sha256: '0'.repeat(64) } }),
        );
      },
    ],
    [
      'a payload of another content',
      'hash-mismatch',
      async () => {
        await bench.storePayload('payloads/hash', Buffer.alloc(5));
        return JSON.stringify(
          anEnvelope({ content: { type: 's3', key: 'payloads/hash', bytes: 5, sha256: '0'.repeat(64) } }),
        );
      },
    ],
  ];

  it.each(neverSent)('dead-letters %s at once, with the cause', async (_name, cause, makeBody) => {
    const body = await makeBody();

    const response = await bench.resend([aRecord(body)]);

    expect(response.batchItemFailures).toEqual([]);
    expect(await bench.parked()).toMatchObject([{ cause, body }]);
    expect(bench.sends).toEqual([]);
  });

  it('dead-letters a body that leaves no room for the cause', async () => {
    const body = 'x'.repeat(MAX_QUEUE_MESSAGE_BYTES);

    await bench.resend([aRecord(body)]);

    expect((await bench.parked()).map(({ body: parked }) => parked.length)).toEqual([
      MAX_QUEUE_MESSAGE_BYTES,
    ]);
  });

  it('says of which delivery and tenant an invalid message is, and that it failed', async () => {
    const { content: _content, ...rest } = anEnvelope({
      id: 'reply-7',
      tenantId: 'Müller & Söhne',
      envelope: { from: 'support@keybuzz.io', to: ['marie@example.org', 'paul@example.org'] },
    });

    await bench.resend([aRecord(JSON.stringify(rest))]);

    expect(await bench.parked()).toMatchObject([
      {
        cause: 'wrong-schema',
        deliveryId: 'reply-7',
        tenantId: 'Müller & Söhne',
        detail: 'content is missing',
      },
    ]);
    expect(await bench.told()).toMatchObject([
      {
        id: 'reply-7',
        tenantId: 'Müller & Söhne',
        kind: 'failed',
        reason: 'wrong-schema',
        recipients: [{ address: 'marie@example.org' }, { address: 'paul@example.org' }],
      },
    ]);
  });

  it('finds the recipients of an invalid message without an envelope in its headers', async () => {
    const content = {
      type: 'mail',
      from: 'support@keybuzz.io',
      to: 'Marie <marie@example.org>',
      cc: ['paul@example.org', null],
      bcc: 'nobody',
      text: 'Hello',
    };

    await bench.resend([aRecord(JSON.stringify({ ...anEnvelope(), content, envelope: undefined }))]);

    const [receipt] = await bench.told();
    expect(receipt?.recipients).toEqual([{ address: 'marie@example.org' }, { address: 'paul@example.org' }]);
  });

  it('names the tenant of a dead letter that is valid', async () => {
    await bench.resend([aRecord(JSON.stringify(anEnvelope({ expiresAt: '2020-01-01T00:00:00.000Z' })))]);

    expect(await bench.parked()).toMatchObject([{ cause: 'expired', tenantId: 'tenant-7' }]);
  });

  it.each([[7], ['a\nb'], [''], [{ a: 1 }]])('reports nothing under the id %j', async (id) => {
    await bench.resend([aRecord(JSON.stringify({ ...anEnvelope(), id }))]);

    expect(await bench.parked()).toMatchObject([{ cause: 'wrong-schema', deliveryId: undefined }]);
    expect(await bench.told()).toEqual([]);
  });

  it('dead-letters what SQS would soon delete', async () => {
    const thirteenDaysAgo = String(Date.now() - 13 * 24 * 3600 * 1000 - 1);

    await bench.resend([aRecordOf(anEnvelope(), { SentTimestamp: thirteenDaysAgo })]);

    expect(await bench.parked()).toMatchObject([{ cause: 'retention-ends' }]);
  });

  it('dead-letters what SES will never accept, without the addresses that SES quotes', async () => {
    bench.ses.fault({
      effect: {
        kind: 'error',
        code: 'InvalidParameterValue',
        message: 'Bad address <marie@example.org>',
        status: 400,
      },
    });

    await bench.resend([aRecordOf(anEnvelope({ id: 'reply-1' }))]);

    expect(await bench.parked()).toMatchObject([
      {
        cause: 'invalid-for-ses',
        deliveryId: 'reply-1',
        detail: expect.stringContaining('<m***@example.org>'),
      },
    ]);
  });
});
