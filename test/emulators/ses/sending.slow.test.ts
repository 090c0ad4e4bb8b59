import { randomBytes } from 'node:crypto';
import { SendRawEmailCommand } from '@aws-sdk/client-ses';
import { SendEmailCommand } from '@aws-sdk/client-sesv2';
import { describe, expect, it } from '@jest/globals';
import { HELLO, runDouble, send } from './running-double.ts';

const SES_MESSAGE_ID = /^0102[0-9a-f]{12}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-000000$/;

/** A message of at least that size, with an attachment of random bytes. */
function messageOf(bytes: number): Buffer {
  const attachment = randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64');
  const lines = attachment.match(/.{1,76}/g) ?? [];
  const header = [
    'From: shop@example.org',
    // The SDK's encoder for v1 stops early at a character that base64 encodes as a plus sign.
    'Subject: >>>>>>',
    'To: buyer@example.net',
    'MIME-Version: 1.0',
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: base64',
    '',
  ];
  return Buffer.from([...header, ...lines, ''].join('\r\n'));
}

describe.each(['v1', 'v2'] as const)('a send by %s', (api) => {
  it('is accepted, gets an SES message id and is stored with all its parameters', async () => {
    const at = new Date('2026-03-01T12:00:00Z');
    const running = await runDouble({ clock: { now: () => at }, configurationSets: ['mail'] });

    const id = await send(running, api, {
      source: 'bounce@example.org',
      to: ['a@example.net', 'B <b@example.net>'],
      tags: { 'delivery-id': '0190-ab', tenant: 't_1' },
      configurationSet: 'mail',
    });

    expect(id).toMatch(SES_MESSAGE_ID);
    expect(running.double.mails).toHaveLength(1);
    expect(running.double.mails[0]).toMatchObject({
      api,
      sesMessageId: id,
      at,
      source: 'bounce@example.org',
      recipients: ['a@example.net', 'b@example.net'],
      tags: { 'delivery-id': '0190-ab', tenant: 't_1' },
      configurationSet: 'mail',
      raw: Buffer.from(HELLO),
    });
  });

  it('gives each mail a unique id', async () => {
    const running = await runDouble();
    const ids = [await send(running, api), await send(running, api)];
    expect(new Set(ids).size).toBe(2);
  });

  it('reads recipients from To, Cc and Bcc, including groups, by default', async () => {
    const running = await runDouble();
    await send(running, api, {
      raw: [
        'From: shop@example.org',
        'To: "Doe, Jane" <jane@example.net>,',
        ' joe@example.net',
        'Cc: team: t1@example.net, t2@example.net;',
        'bcc: hidden@example.net',
        '',
        'x',
      ].join('\r\n'),
    });
    expect(running.double.mails[0]?.recipients).toEqual([
      'jane@example.net',
      'joe@example.net',
      't1@example.net',
      't2@example.net',
      'hidden@example.net',
    ]);
  });

  it('reads the sender from Return-Path, else Sender, else From, by default', async () => {
    const running = await runDouble();
    await send(running, api);
    await send(running, api, { raw: `Sender: sender@example.org\r\n${HELLO}` });
    await send(running, api, {
      raw: `Return-Path: <back@example.org>\r\nSender: sender@example.org\r\n${HELLO}`,
    });
    expect(running.double.mails.map(({ source }) => source)).toEqual([
      'shop@example.org',
      'sender@example.org',
      'back@example.org',
    ]);
  });

  it('keeps binary bytes', async () => {
    const running = await runDouble();
    const raw = Buffer.concat([Buffer.from(HELLO), randomBytes(900)]);
    await send(running, api, { raw });
    expect(running.double.mails[0]?.raw.equals(raw)).toBe(true);
  });

  it('keeps a message of 9 MB byte for byte', async () => {
    const running = await runDouble();
    const raw = messageOf(9_000_000);
    await send(running, api, { raw });
    expect(raw.length).toBeGreaterThan(9_000_000);
    expect(running.double.mails[0]?.raw.equals(raw)).toBe(true);
  });
});

describe('a send by v1', () => {
  it('accepts a message of exactly 10 MB', async () => {
    const { double, v1 } = await runDouble();
    const raw = Buffer.concat([
      Buffer.from(HELLO),
      Buffer.alloc(10_485_760 - HELLO.length, `${'>'.repeat(996)}\r\n`),
    ]);
    await v1.send(new SendRawEmailCommand({ RawMessage: { Data: raw } }));
    expect(double.mails[0]?.raw.length).toBe(10_485_760);
  });
});

describe('a send by v2', () => {
  it('keeps a message of 12 MB byte for byte', async () => {
    const running = await runDouble();
    const raw = messageOf(12_000_000);
    await send(running, 'v2', { raw });
    expect(raw.length).toBeGreaterThan(12_000_000);
    expect(running.double.mails[0]?.raw.equals(raw)).toBe(true);
  });

  it('reads recipients from all lists of the destination', async () => {
    const { double, v2 } = await runDouble();
    await v2.send(
      new SendEmailCommand({
        Content: { Raw: { Data: Buffer.from(HELLO) } },
        Destination: {
          ToAddresses: ['to@example.net'],
          CcAddresses: ['cc@example.net'],
          BccAddresses: ['bcc@example.net'],
        },
      }),
    );
    expect(double.mails[0]?.recipients).toEqual(['to@example.net', 'cc@example.net', 'bcc@example.net']);
  });
});
