import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import nodemailer from 'nodemailer';
import { MAX_CONTENT_BYTES } from '../../lib/domain/limits.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import { createSmtpRelay, type SmtpRelay } from '../../lib/relay/create-relay.ts';
import type { RelaySettings } from '../../lib/relay/settings.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { takeAll, takeEnvelopes } from '../support/queue-contents.ts';
import { mimeOf, RawSmtpClient, relaySettingsFor, upstreamOf } from '../support/relay-bench.ts';
import { smtpSettingsFor } from '../support/smtp-settings-for.ts';

const FROM = 'shop@keybuzz.io';
const TO = ['marie@example.org', 'paul@example.org'];
const KEY = 'a key for tests that nobody guesses 1';

const MESSAGE =
  'From: Shop <shop@keybuzz.io>\r\nTo: marie@example.org\r\nSubject: Order\r\n' +
  'Message-ID: <order-1@keybuzz.io>\r\n\r\nIt is on its way.\r\n..dots stay\r\n.\r\n';

let aws: SqsAndS3;
let double: SmtpDouble;
let relay: SmtpRelay | undefined;
let port: number;

beforeAll(async () => {
  aws = await startSqsAndS3({ visibilitySeconds: 30 });
});

afterAll(async () => {
  await aws.close();
});

beforeEach(async () => {
  double = await startSmtpDouble();
});

afterEach(async () => {
  aws.heal();
  await relay?.drain(2_000);
  relay = undefined;
  await double.close();
  await takeAll(aws, aws.fallback);
});

async function start(overrides: Partial<RelaySettings> = {}): Promise<void> {
  relay = createSmtpRelay(relaySettingsFor(aws, overrides));
  ({ port } = await relay.start());
}

function withUrgentQueue(overrides: Partial<RelaySettings>): Partial<RelaySettings> {
  const { fallback } = relaySettingsFor(aws);
  return { ...overrides, fallback: { ...fallback, urgentQueueUrl: aws.urgent.url } };
}

const startInFront = (overrides: Partial<RelaySettings> = {}) =>
  start({ upstream: upstreamOf(double), ...overrides });

async function send(message = MESSAGE, to: readonly string[] = TO, from = FROM): Promise<string> {
  const client = await RawSmtpClient.connect(port);
  const reply = await client.send({ from, to }, message);
  client.end();
  return reply;
}

/** Of random bytes: others would be packed small enough for the queue. */
function large(): string {
  const body = randomBytes(1_500_000).toString('base64').replaceAll(/.{76}/g, '$&\r\n');
  return MESSAGE.replace(/\.\r\n$/, `${body}\r\n.\r\n`);
}

describe('behind a mail server', () => {
  beforeEach(() => start());

  it('answers 250 when the queue has the mail, with the bytes as they came', async () => {
    expect(await send()).toMatch(/^250 2\.0\.0 Ok: relay-[0-9a-f]{64} handed over as /);

    const [message, ...others] = await takeEnvelopes(aws);
    expect(others).toEqual([]);
    expect(message).toMatchObject({
      envelope: { from: FROM, to: TO },
      failure: { class: 'undelivered' },
    });
    expect(message && mimeOf(message).toString()).toBe(
      MESSAGE.replace('..dots', '.dots').replace(/\.\r\n$/, ''),
    );
  });

  it('puts a large one into S3 first', async () => {
    expect(await send(large())).toMatch(/^250 /);

    const [message] = await takeEnvelopes(aws);
    expect(message?.content.type).toBe('s3');
  });

  it.each(['sqs', 's3'] as const)('answers 451 with the reason while %s is down', async (service) => {
    aws.fault({ fault: { kind: 'error', status: 503 }, on: { service } });

    const reply = await send(large());

    expect(reply).toMatch(/^451 4\.3\.0 the fallback did not either \((?:queue|payload-store)-unavailable: /);
    aws.heal();
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('gives one mail one id in several sessions, whatever servers wrote on its way', async () => {
    const received = (by: string) =>
      `Received: from client by ${by};\r\n Sat, 28 Nov 2026 05:00:00 +0000\r\n`;
    await send(`${received('mx1')}${MESSAGE}`, ['marie@example.org']);
    await send(
      `Return-Path: <x@keybuzz.io>\r\n${received('mx2')}Delivered-To: paul@example.org\r\n${MESSAGE}`,
      ['paul@example.org'],
    );

    const [one, other] = await takeEnvelopes(aws);

    expect(one?.id).toBe(other?.id);
    expect(one && other && mimeOf(one).equals(mimeOf(other))).toBe(true);
    expect([one, other].flatMap((message) => message?.envelope.to).sort()).toEqual(TO);
  });

  it('does not take two mails that are alike for one, if nothing names them', async () => {
    const unnamed = MESSAGE.replace(/Message-ID: .*\r\n/, '');
    await send(unnamed);
    await send(unnamed);

    const messages = await takeEnvelopes(aws);

    expect(new Set(messages.map(({ id }) => id)).size).toBe(2);
    expect(mimeOf(messages[0] as never).toString()).toMatch(/^Message-ID: <[0-9a-f]{40}@keybuzz\.io>\r\n/);
  });

  it('offers what it can honour', async () => {
    const client = await RawSmtpClient.connect(port);
    const ehlo = await client.say('EHLO client.test');
    client.end();

    expect(ehlo).toContain('PIPELINING');
    expect(ehlo).toContain('8BITMIME');
    expect(ehlo).toContain(`SIZE ${MAX_CONTENT_BYTES}`);
    expect(ehlo).toContain('ENHANCEDSTATUSCODES');
    for (const not of ['DSN', 'STARTTLS', 'AUTH', 'XCLIENT', 'XFORWARD', 'CHUNKING'])
      expect(ehlo).not.toContain(not);
  });

  it('leaves a bounce to the mail server', async () => {
    const client = await RawSmtpClient.connect(port);
    await client.say('EHLO client.test');
    expect(await client.say('MAIL FROM:<>')).toMatch(/^451 4\.7\.1 /);
    client.end();
  });
});

describe('in front of a mail server', () => {
  it('passes a mail on, and hands over nothing', async () => {
    await startInFront();

    expect(await send()).toMatch(/^250 2\.0\.0 Ok: relay-\S+ accepted by the mail server/);

    const [mail] = double.mails;
    expect(mail).toMatchObject({ from: FROM, to: TO });
    expect(mail?.raw.toString()).toMatch(
      /^Received: from client\.test \(\[127\.0\.0\.1\]\)\r\n by relay\.test with ESMTP id \S+;\r\n /,
    );
    expect(mail?.raw.toString()).toContain('\r\nMessage-ID: <order-1@keybuzz.io>\r\n');
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it.each([
    ['refuses connections', { kind: 'refused' }, 'unreachable'],
    ['denies relaying', { kind: 'relay-denied' }, 'rejected'],
    ['defers', { kind: 'final-reply', reply: '451 4.3.0 Later' }, 'deferred'],
    ['breaks off after the mail', { kind: 'break', at: 'final-dot', by: 'reset' }, 'unknown'],
  ] as const)('hands over if the server %s', async (_, behaviour, failureClass) => {
    await startInFront();
    await double.behave(behaviour);

    expect(await send()).toMatch(/^250 2\.0\.0 Ok: relay-\S+ handed over as /);

    const [message] = await takeEnvelopes(aws);
    expect(message).toMatchObject({ envelope: { to: TO }, failure: { class: failureClass } });
    // What only the mail server is to see.
    expect(message && mimeOf(message).toString()).not.toContain('Received:');
  });

  it('hands over only the recipients that the server refused out of several', async () => {
    await startInFront();
    await double.behave({
      kind: 'recipients-refused',
      replies: { 'paul@example.org': '550 5.1.1 No such user' },
    });

    expect(await send()).toMatch(/^250 /);

    expect(double.mails.map(({ to }) => to)).toEqual([['marie@example.org']]);
    expect((await takeEnvelopes(aws)).map(({ envelope }) => envelope.to)).toEqual([['paul@example.org']]);
  });

  it('tells the client of a mail whose recipients there are not, as the server said it', async () => {
    await startInFront();
    const reply = '550 5.1.1 <marie@example.org>: User unknown' as const;
    await double.behave({
      kind: 'recipients-refused',
      replies: { 'marie@example.org': reply, 'paul@example.org': '550 5.1.2 Domain not found' },
    });

    expect(await send()).toBe(`${reply}\r\n`);
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('sends to no recipient twice if the client tries again after a part was accepted', async () => {
    await startInFront();
    const refusal = {
      kind: 'recipients-refused',
      replies: { 'paul@example.org': '450 4.2.0 Later' },
    } as const;
    await double.behave(refusal);
    aws.fault({ fault: { kind: 'denied' }, on: { service: 'sqs' } });
    expect(await send()).toMatch(
      /^451 4\.3\.0 the mail server did not take it \(deferred\), and the fallback/,
    );
    aws.heal();
    await double.behave({ kind: 'healthy' });

    expect(await send()).toMatch(/^250 /);

    expect(double.mails.map(({ to }) => to)).toEqual([['marie@example.org'], ['paul@example.org']]);
  });

  it('answers 451 if neither takes it', async () => {
    await startInFront();
    await double.behave({ kind: 'refused' });
    aws.fault({ fault: { kind: 'denied' }, on: { service: 'sqs' } });

    expect(await send()).toMatch(
      /^451 4\.3\.0 the mail server did not take it \(unreachable\), and the fallback did not either \(queue-misconfigured: \S+\), try again later\r\n$/,
    );
  });

  it('passes on what the client asks of delivery reports', async () => {
    await startInFront();
    const client = await RawSmtpClient.connect(port);
    expect(await client.say('EHLO client.test')).toContain('DSN');
    await client.say(`MAIL FROM:<${FROM}> RET=HDRS ENVID=order-1`);
    await client.say('RCPT TO:<marie@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;marie@example.org');
    await client.say('DATA');
    client.write(MESSAGE);
    expect(await client.reply()).toMatch(/^250 /);
    client.end();

    expect(double.mails[0]?.esmtp).toMatchObject({
      from: { RET: 'HDRS', ENVID: 'order-1' },
      to: [{ NOTIFY: 'SUCCESS,FAILURE' }],
    });
  });
});

describe('a mail of a mailer of ours that comes back', () => {
  const mail = {
    id: 'row-17',
    from: FROM,
    to: TO,
    subject: 'Order',
    text: 'It is on its way.',
    expiresAt: new Date(Date.UTC(2099, 0, 1)),
  };

  async function sentBySmtp(idKeys: string[] | undefined, urgent = false) {
    const mailer = createMailer({
      smtp: smtpSettingsFor(double),
      fallback: fallbackSettingsFor(aws),
      ...(idKeys === undefined ? {} : { idKeys }),
    });
    const composed = await mailer.compose(mail);
    const outcome = await mailer.send({ ...mail, urgent });
    await mailer.close();
    if (composed.kind !== 'delivery') throw new Error(composed.detail);
    expect(outcome.kind).toBe('taken');
    return { raw: double.mails[0]?.raw.toString('latin1') ?? '', mime: composed.delivery.mime };
  }

  const again = (raw: string) => `Received: from worker by mail-core; now\r\n${raw}.\r\n`;

  it('keeps its id, its time and its bytes', async () => {
    const { raw } = await sentBySmtp([KEY]);
    await start({ idKeys: ['a newer key that nobody guesses either', KEY] });

    expect(await send(again(raw))).toMatch(/^250 2\.0\.0 Ok: row-17 handed over/);

    const [message] = await takeEnvelopes(aws);
    expect(message).toMatchObject({ id: 'row-17', expiresAt: '2099-01-01T00:00:00.000Z' });
    const mime = message && mimeOf(message).toString('latin1');
    expect(raw.endsWith(mime ?? '')).toBe(true);
    expect(mime).not.toMatch(/^(?:Received|X-Mail-Pipeline)/m);
  });

  it('stays urgent', async () => {
    const { raw } = await sentBySmtp([KEY], true);
    await start(withUrgentQueue({ idKeys: [KEY] }));

    expect(await send(again(raw))).toMatch(/^250 2\.0\.0 Ok: row-17 handed over/);

    expect(await takeEnvelopes(aws, aws.urgent)).toMatchObject([{ id: 'row-17', priority: 'urgent' }]);
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it.each<[string, boolean, (raw: string) => string]>([
    ['its sender did not say so', false, (raw) => raw],
    ['a client wrote so into the stamp', false, (raw) => raw.replace(/^ normal\r$/m, ' urgent\r')],
    ['its content was changed', true, (raw) => raw.replace('on its way', 'not on its way')],
    ['a client has its own word for it', false, (raw) => `Importance: high\r\nX-Priority: 1\r\n${raw}`],
  ])('is not urgent if %s', async (_, urgent, change) => {
    const { raw } = await sentBySmtp([KEY], urgent);
    await start(withUrgentQueue({ idKeys: [KEY] }));

    expect(await send(again(change(raw)))).toMatch(/^250 /);

    expect(await takeEnvelopes(aws, aws.urgent)).toEqual([]);
    expect(await takeEnvelopes(aws)).toHaveLength(1);
  });

  it.each<[string, (raw: string) => string]>([
    ['its content was changed', (raw) => raw.replace('on its way', 'not on its way')],
    [
      'its id was changed',
      (raw) =>
        raw.replace(Buffer.from('row-17').toString('base64url'), Buffer.from('row-18').toString('base64url')),
    ],
    [
      'a header stands between',
      (raw) => raw.replace(/^(X-Mail-Pipeline(?:.|\r\n )*)\r\n/, '$1\r\nSubject: mine\r\n'),
    ],
  ])('is a mail like any other if %s', async (_, change) => {
    const { raw } = await sentBySmtp([KEY]);
    await start({ idKeys: [KEY] });
    expect(change(raw)).not.toBe(raw);

    const reply = await send(again(change(raw)));

    expect(reply).not.toContain('row-17');
    for (const message of await takeEnvelopes(aws)) expect(message.id).toMatch(/^relay-/);
  });

  it('has no header of ours without a key, and the header counts for nothing without the right one', async () => {
    expect((await sentBySmtp(undefined)).raw).not.toContain('X-Mail-Pipeline');
    await double.behave({ kind: 'healthy' });
    const { raw } = await sentBySmtp(undefined);
    await start({ idKeys: [KEY] });
    expect(await send(again(raw))).toMatch(/^250 2\.0\.0 Ok: relay-/);
  });
});

describe('an ordinary client', () => {
  it('is nodemailer, with an attachment and UTF-8', async () => {
    await start();
    const transport = nodemailer.createTransport({ host: '127.0.0.1', port, secure: false });
    const info = await transport.sendMail({
      from: 'Zoë <shop@keybuzz.io>',
      to: TO,
      subject: 'Bestätigung ✓',
      text: 'Grüße',
      attachments: [{ filename: 'a.bin', content: Buffer.alloc(100_000, 7) }],
    });
    transport.close();

    expect(info.response).toMatch(/^250 /);
    expect(await takeEnvelopes(aws)).toHaveLength(1);
  });
});
