import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import nodemailer from 'nodemailer';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { selfSignedCertificate } from '../../lib/emulators/smtp/certificates.ts';
import { createSmtpRelay, type RelayPorts, type SmtpRelay } from '../../lib/relay/create-relay.ts';
import { hashPassword } from '../../lib/relay/users.ts';
import { takeEnvelopes } from '../support/queue-contents.ts';
import { RawSmtpClient, relaySettingsFor } from '../support/relay-bench.ts';

const FROM = 'shop@keybuzz.io';
const TO = 'marie@example.org';
const PASSWORD = 'correct horse';
const MESSAGE =
  'From: shop@keybuzz.io\r\nTo: marie@example.org\r\nMessage-ID: <1@keybuzz.io>\r\n\r\nHi.\r\n.\r\n';

let aws: SqsAndS3;
let folder: string;
/** Trusts no network that this test is in, and has a user. */
let strict: SmtpRelay;
let strictPorts: RelayPorts;
/** Has no users: other networks than its own may not even connect. */
let closed: SmtpRelay;
let closedPort: number;
/** Trusts this machine. */
let trusting: SmtpRelay;
let trustingPort: number;

beforeAll(async () => {
  aws = await startSqsAndS3({ visibilitySeconds: 30 });
  folder = mkdtempSync(join(tmpdir(), 'relay-'));
  const certificate = await selfSignedCertificate({
    organization: 'relay',
    dnsNames: ['localhost'],
    loopback: true,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 86_400_000),
  });
  const [tlsCertFile, tlsKeyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  writeFileSync(tlsCertFile, certificate.certificatePem);
  writeFileSync(tlsKeyFile, certificate.keyPem);
  strict = createSmtpRelay(
    relaySettingsFor(aws, {
      networks: ['192.0.2.0/24'],
      users: `shop:${await hashPassword(PASSWORD)}`,
      tlsCertFile,
      tlsKeyFile,
      tlsPort: 0,
    }),
  );
  strictPorts = await strict.start();
  closed = createSmtpRelay(relaySettingsFor(aws, { networks: ['192.0.2.0/24'] }));
  ({ port: closedPort } = await closed.start());
  trusting = createSmtpRelay(relaySettingsFor(aws, {}));
  ({ port: trustingPort } = await trusting.start());
});

afterAll(async () => {
  await Promise.all([strict.drain(1_000), closed.drain(1_000), trusting.drain(1_000)]);
  await aws.close();
  rmSync(folder, { recursive: true });
});

async function talk<T>(port: number, conversation: (client: RawSmtpClient) => Promise<T>): Promise<T> {
  const client = await RawSmtpClient.connect(port);
  try {
    await client.say('EHLO client.test');
    return await conversation(client);
  } finally {
    client.end();
  }
}

describe('a client of another network', () => {
  it('cannot even greet where there are no users', async () => {
    const client = await RawSmtpClient.connect(closedPort);
    expect(await client.say('EHLO client.test')).toBe('');
    expect(client.isEnded).toBe(true);
  });

  it.each([
    `MAIL FROM:<${FROM}>`,
    `mail from: <${FROM}>`,
    'MAIL FROM:<>',
    `MAIL FROM:<${FROM}> AUTH=<${FROM}>`,
    `MAIL FROM:<@keybuzz.io:${FROM}>`,
    'MAIL FROM:<postmaster@[127.0.0.1]>',
    'MAIL FROM:<root@localhost>',
  ])('is to log in before %s', async (line) => {
    expect(await talk(strictPorts.port, (client) => client.say(line))).toMatch(/^530 5\.7\.0 /);
  });

  it.each([
    'XCLIENT ADDR=192.0.2.1 LOGIN=shop',
    'XFORWARD ADDR=192.0.2.1',
    'PROXY TCP4 192.0.2.1 192.0.2.2 25 25',
    'WIZ please',
    'SHELL',
    'KILL',
    'TURN',
    'ETRN keybuzz.io',
    'BDAT 10 LAST',
    `SEND FROM:<${FROM}>`,
    `SAML FROM:<${FROM}>`,
    'EXPN all',
    // Not before TLS.
    'AUTH PLAIN AHNob3AAY29ycmVjdCBob3JzZQ==',
    'AUTH LOGIN',
    'AUTH XOAUTH2 abc',
  ])('gains nothing by %s', async (line) => {
    await talk(strictPorts.port, async (client) => {
      expect(await client.say(line)).toMatch(/^5\d\d /);
      expect(await client.say(`MAIL FROM:<${FROM}>`)).toMatch(/^530 /);
      expect(await client.say(`RCPT TO:<${TO}>`)).toMatch(/^5/);
      expect(await client.say('DATA')).toMatch(/^5/);
    });
  });

  it('gains nothing by what it pipelines before STARTTLS', async () => {
    await talk(strictPorts.port, async (client) => {
      client.write(`STARTTLS\r\nMAIL FROM:<${FROM}>\r\nRCPT TO:<${TO}>\r\nDATA\r\n`);
      expect(await client.reply()).toMatch(/^220 /);
      // Anything that it says next is a broken handshake.
      client.write(MESSAGE);
      expect(await client.reply()).not.toMatch(/^[23]/);
    });
  });

  it.each([
    ['a wrong password', { user: 'shop', pass: 'wrong' }],
    ['no password', { user: 'shop', pass: ' ' }],
    ['another user', { user: 'root', pass: PASSWORD }],
  ])('does not log in with %s', async (_, auth) => {
    const transport = nodemailer.createTransport({
      host: '127.0.0.1',
      port: strictPorts.port,
      auth,
      tls: { rejectUnauthorized: false },
    });
    await expect(transport.sendMail({ from: FROM, to: TO, text: 'x' })).rejects.toMatchObject({
      code: 'EAUTH',
    });
  });

  it.each([
    ['STARTTLS', () => ({ port: strictPorts.port, secure: false, requireTLS: true })],
    ['implicit TLS', () => ({ port: strictPorts.tlsPort ?? 0, secure: true })],
  ])('sends after logging in over %s, and then from the domain alone', async (_, options) => {
    const transport = nodemailer.createTransport({
      host: '127.0.0.1',
      ...options(),
      auth: { user: 'shop', pass: PASSWORD },
      tls: { rejectUnauthorized: false },
    });
    const info = await transport.sendMail({ from: FROM, to: TO, text: 'x' });
    expect(info.response).toMatch(/^250 /);
    await expect(transport.sendMail({ from: 'a@example.com', to: TO, text: 'x' })).rejects.toMatchObject({
      responseCode: 550,
      response: expect.stringContaining('5.7.1 the sender is not of keybuzz.io'),
    });
    const [message] = await takeEnvelopes(aws);
    expect(message).toMatchObject({ tenantId: 'shop', envelope: { from: FROM } });
  });

  it('guesses five passwords, and waits then', async () => {
    const relay = createSmtpRelay(
      relaySettingsFor(aws, {
        networks: [],
        users: `shop:${await hashPassword(PASSWORD)}`,
        tlsCertFile: join(folder, 'tls.crt'),
        tlsKeyFile: join(folder, 'tls.key'),
        tlsPort: 0,
      }),
    );
    const { tlsPort } = await relay.start();
    const login = async (pass: string) => {
      const options = { host: '127.0.0.1', port: tlsPort, secure: true, tls: { rejectUnauthorized: false } };
      const transport = nodemailer.createTransport({ ...options, auth: { user: 'shop', pass } } as never);
      return transport.verify().then(
        () => 'in',
        ({ responseCode }: { responseCode?: number }) => responseCode,
      );
    };
    for (let guess = 0; guess < 5; guess += 1) expect(await login(`guess ${guess}`)).toBe(535);
    expect(await login(PASSWORD)).toBe(454);
    await relay.drain(1_000);
  });
});

describe('a trusted client', () => {
  it.each([
    'marie@example.com',
    'shop@keybuzz.io.example.com',
    'shop@evilkeybuzz.io',
    'shop@notkeybuzz.io',
    'shop%keybuzz.io@example.com',
    'keybuzz.io!shop@example.com',
    'shop@[127.0.0.1]',
    'shop@localhost',
  ])('cannot send from %s', async (from) => {
    expect(await talk(trustingPort, (client) => client.say(`MAIL FROM:<${from}>`))).toMatch(
      /^55[03] 5\.[17]\.[17] /,
    );
  });

  it.each([
    '@keybuzz.io,@mx.example.org:marie@example.org@example.net',
    'marie@example.org@keybuzz.io',
    '"marie@example.org"@keybuzz.io',
    '"marie@example.org',
    'marie',
    '',
    ' ',
    'marie@',
    '@example.org',
    'marie@example',
    'marie@[192.0.2.1]',
    'marie@example..org',
    '.marie@example.org',
    'marïe@example.org',
    'marie@example.org,paul@example.org',
    'marie@example.org> NOTIFY=NEVER <paul@example.org',
    `${'m'.repeat(65)}@example.org`,
    'marie\x00@example.org',
    '|/bin/sh@example.org\x0b',
    '"marie"@example.org"',
  ])('cannot send to <%s>', async (to) => {
    await talk(trustingPort, async (client) => {
      await client.say(`MAIL FROM:<${FROM}>`);
      expect(await client.say(`RCPT TO:<${to}>`)).toMatch(/^5\d\d /);
      expect(await client.say('DATA')).toMatch(/^503 /);
    });
  });

  it.each([
    // The route of RFC 821 is left out, as RFC 5321 wants it; the rest is the address of one mailbox.
    ['@a.example,@b.example:marie@example.org', 'marie@example.org'],
    ['marie%example.net@example.org', 'marie%example.net@example.org'],
    ['example.net!marie@example.org', 'example.net!marie@example.org'],
  ])('sends for %s to that one address', async (given, to) => {
    const reply = await talk(trustingPort, (client) => client.send({ from: FROM, to: [given] }, MESSAGE));
    expect(reply).toMatch(/^250 /);
    expect((await takeEnvelopes(aws)).map(({ envelope }) => envelope.to)).toEqual([[to]]);
  });

  it.each([
    ['From', 'From: boss@example.com'],
    ['two From', 'From: shop@keybuzz.io\r\nFrom: boss@example.com'],
    ['two addresses in From', 'From: shop@keybuzz.io, boss@example.com'],
    ['an ambiguous From', 'From: "shop@keybuzz.io" <boss@example.com>'],
    ['Sender', 'From: shop@keybuzz.io\r\nSender: boss@example.com'],
    ['no From', 'Subject: x'],
    ['a command to SES', 'From: shop@keybuzz.io\r\nX-SES-SOURCE-ARN: arn:x'],
    ['a second Subject', 'From: shop@keybuzz.io\r\nSubject: a\r\nSubject: b'],
    ['a line that is no field', 'From: shop@keybuzz.io\r\nnonsense'],
    ['a line of 1,200 characters', `From: shop@keybuzz.io\r\nX-A: ${'x'.repeat(1_200)}`],
  ])('cannot send with %s', async (_, head) => {
    const message = `${head}\r\n\r\nHi.\r\n.\r\n`;
    const reply = await talk(trustingPort, (client) => client.send({ from: FROM, to: [TO] }, message));
    expect(reply).toMatch(/^550 5\.(?:7\.1|6\.0) /);
    expect(await takeEnvelopes(aws)).toEqual([]);
  });
});

describe('a smuggled mail', () => {
  const second = `MAIL FROM:<${FROM}>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nFrom: ${FROM}\r\n\r\nSmuggled\r\n.\r\n`;

  it.each([
    ['\\n.\\n', '\n.\n'],
    ['\\n.\\r\\n', '\n.\r\n'],
    ['\\r\\n.\\n', '\r\n.\n'],
    ['\\r.\\r', '\r.\r'],
    ['\\r.\\r\\n', '\r.\r\n'],
    ['\\r\\n.\\r', '\r\n.\r'],
    ['\\r\\n\\0.\\r\\n', '\r\n\0.\r\n'],
    ['\\n..\\r\\n', '\n..\r\n'],
  ])('does not begin after %s', async (_, end) => {
    const head = `From: ${FROM}\r\nMessage-ID: <1@keybuzz.io>\r\n\r\nHi.`;
    const replies = await talk(trustingPort, async (client) => {
      const first = await client.send({ from: FROM, to: [TO] }, `${head}${end}${second}`);
      return [first, await client.say('QUIT')];
    });
    // One mail, and one reply to it.
    expect(replies[1]).toMatch(/^221 /);
    const messages = await takeEnvelopes(aws);
    expect(messages.flatMap(({ envelope }) => envelope.to)).toEqual(
      replies[0]?.startsWith('250') ? [TO] : [],
    );
    if (/(?<!\r)\n|\r(?!\n)/.test(end)) expect(replies[0]).toMatch(/^550 5\.6\.0 /);
  });

  it('is found also where TCP cuts the end of the mail into pieces', async () => {
    await talk(trustingPort, async (client) => {
      await client.say(`MAIL FROM:<${FROM}>`);
      await client.say(`RCPT TO:<${TO}>`);
      await client.say('DATA');
      for (const piece of [
        'From: shop@keybuzz.io\r\n\r\n',
        '.',
        '.',
        '\r',
        '\n',
        'x',
        '\n',
        '.',
        '\r',
        '\n',
      ]) {
        client.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      client.write(`${second}`);
      expect(await client.reply()).toMatch(/^550 5\.6\.0 /);
      expect(await client.say('QUIT')).toMatch(/^221 /);
    });
  });
});
