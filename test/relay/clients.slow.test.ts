import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_CONTENT_BYTES } from '../../lib/domain/limits.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { selfSignedCertificate } from '../../lib/emulators/smtp/certificates.ts';
import { CertificateFiles } from '../../lib/relay/certificate-files.ts';
import { createSmtpRelay, type SmtpRelay } from '../../lib/relay/create-relay.ts';
import type { RelaySettings } from '../../lib/relay/settings.ts';
import { takeEnvelopes } from '../support/queue-contents.ts';
import { RawSmtpClient, relaySettingsFor } from '../support/relay-bench.ts';

const ENVELOPE = { from: 'shop@keybuzz.io', to: ['marie@example.org'] };
const HEAD = 'From: shop@keybuzz.io\r\nMessage-ID: <1@keybuzz.io>\r\n\r\n';
const MESSAGE = `${HEAD}Hi.\r\n.\r\n`;

let aws: SqsAndS3;
let relay: SmtpRelay;
let port: number;

beforeAll(async () => {
  aws = await startSqsAndS3({ visibilitySeconds: 30 });
});
afterAll(() => aws.close());
afterEach(async () => {
  aws.heal();
  await relay.drain(500);
  await takeEnvelopes(aws);
});

async function start(overrides: Partial<RelaySettings> = {}, logged: string[] = []): Promise<void> {
  const write = (event: string, fields: object = {}) =>
    void logged.push(JSON.stringify({ event, ...fields }));
  relay = createSmtpRelay(relaySettingsFor(aws, overrides), {
    log: { info: write, warn: write, error: write },
  });
  ({ port } = await relay.start());
}

async function send(message = MESSAGE, envelope = ENVELOPE): Promise<string> {
  const client = await RawSmtpClient.connect(port);
  const reply = await client.send(envelope, message);
  client.end();
  return reply;
}

describe('a limit', () => {
  it('of recipients defers the others, and the mail goes to the first', async () => {
    await start({ maxRecipients: 2 });
    const client = await RawSmtpClient.connect(port);
    await client.say('EHLO x');
    await client.say(`MAIL FROM:<${ENVELOPE.from}>`);
    const replies = [];
    for (const name of ['a', 'b', 'c']) replies.push(await client.say(`RCPT TO:<${name}@example.org>`));
    expect(replies.map((reply) => reply.slice(0, 9))).toEqual(['250 2.1.5', '250 2.1.5', '452 4.5.3']);
    await client.say('DATA');
    client.write(MESSAGE);
    expect(await client.reply()).toMatch(/^250 /);
    client.end();
  });

  it('of connections, of one client and of all, turns the next away', async () => {
    await start({ maxConnectionsPerClient: 1 });
    const first = await RawSmtpClient.connect(port);
    const second = await RawSmtpClient.connect(port);
    expect(await second.say('EHLO x')).toBe('');
    first.end();
    await once(first.socket, 'close');
    expect(await untilLetIn()).toMatch(/^250/);
  });

  it('of mails a minute defers the next', async () => {
    await start({ maxMailsPerMinute: 2 });
    expect([await send(), await send(), await send()].map((reply) => reply.slice(0, 9))).toEqual([
      '250 2.0.0',
      '250 2.0.0',
      '450 4.7.1',
    ]);
  });

  it('of memory is for a client half of it, and is free again after the mail', async () => {
    await start({ maxMemoryBytes: 2 * MAX_CONTENT_BYTES });
    const big = `${HEAD}${`${'x'.repeat(98)}\r\n`.repeat(MAX_CONTENT_BYTES / 100 - 10)}`;
    const one = await RawSmtpClient.connect(port);
    const other = await RawSmtpClient.connect(port);
    const pending = one.send(ENVELOPE, big);
    await until(() => relay.bytesInMemory > 0.9 * MAX_CONTENT_BYTES);
    await other.say('EHLO x');
    expect(await other.say(`MAIL FROM:<${ENVELOPE.from}> SIZE=30000000`)).toMatch(/^452 4\.3\.1 /);
    // Without SIZE, it is found while the mail comes.
    expect(await other.send(ENVELOPE, `${big}.\r\n`)).toMatch(/^452 4\.3\.1 /);
    one.write('.\r\n');
    expect(await pending).toMatch(/^250 /);
    expect(relay.bytesInMemory).toBe(0);
    one.end();
    other.end();
  });

  it('of size is said before the mail comes, and after it', async () => {
    await start();
    const client = await RawSmtpClient.connect(port);
    await client.say('EHLO x');
    expect(await client.say(`MAIL FROM:<${ENVELOPE.from}> SIZE=${MAX_CONTENT_BYTES + 1}`)).toMatch(
      /^552 5\.3\.4 /,
    );
    client.end();
    expect(await send(`${HEAD}${`${'x'.repeat(98)}\r\n`.repeat(MAX_CONTENT_BYTES / 100)}.\r\n`)).toMatch(
      /^552 5\.3\.4 /,
    );
    expect(relay.bytesInMemory).toBe(0);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The place of a connection is free once the relay has seen its end. */
async function untilLetIn(): Promise<string> {
  for (;;) {
    const client = await RawSmtpClient.connect(port);
    const reply = await client.say('EHLO x');
    client.end();
    if (reply !== '') return reply;
  }
}

describe('a slow client is cut off', () => {
  it.each<[string, (client: RawSmtpClient) => Promise<unknown>]>([
    ['that says nothing', async () => {}],
    ['within a mail', (client) => begin(client)],
  ])('%s', async (_, prepare) => {
    await start({ idleTimeoutMs: 1_000 });
    const client = await RawSmtpClient.connect(port);
    await prepare(client);
    expect(await client.reply()).toMatch(/^421 4\.4\.2 /);
    expect(await client.reply()).toBe('');
    // The test ends by its time limit if it keeps them.
    await until(() => relay.bytesInMemory === 0);
  });

  it.each<[string, (client: RawSmtpClient) => Promise<unknown>, string]>([
    ['in its commands', async () => {}, 'N'],
    ['in its mail', (client) => begin(client), 'x'],
  ])('that drips a byte now and then %s', async (_, prepare, byte) => {
    await start({ idleTimeoutMs: 60_000, mailTimeoutMs: 1_000 });
    const client = await RawSmtpClient.connect(port);
    await prepare(client);
    const drip = setInterval(() => client.write(byte), 20);
    expect(await client.reply()).toMatch(/^421 4\.4\.2 /);
    expect(await client.reply()).toBe('');
    clearInterval(drip);
  });

  it('not if it waits for us', async () => {
    await start({ idleTimeoutMs: 1_000, mailTimeoutMs: 1_000 });
    aws.fault({ fault: { kind: 'slow', delayMs: 2_500 }, on: { service: 'sqs', action: 'SendMessage' } });
    expect(await send()).toMatch(/^250 /);
  });

  it('and keeps nobody else waiting', async () => {
    await start();
    const slow = await Promise.all(Array.from({ length: 90 }, () => RawSmtpClient.connect(port)));
    await Promise.all(slow.map(begin));
    expect(await send()).toMatch(/^250 /);
    for (const client of slow) client.end();
  });
});

async function begin(client: RawSmtpClient): Promise<void> {
  await client.say('EHLO x');
  await client.say(`MAIL FROM:<${ENVELOPE.from}>`);
  await client.say(`RCPT TO:<${ENVELOPE.to[0]}>`);
  await client.say('DATA');
  client.write(HEAD);
}

describe('the stop of a relay', () => {
  it('finishes the mail in progress, and lets no one else in', async () => {
    await start();
    const idle = await RawSmtpClient.connect(port);
    const sending = await RawSmtpClient.connect(port);
    await begin(sending);
    const drained = relay.drain(10_000);
    expect(await idle.reply()).toMatch(/^421 4\.3\.2 /);
    sending.write('Hi.\r\n.\r\n');
    expect(await sending.reply()).toMatch(/^250 /);
    expect(await sending.reply()).toMatch(/^421 /);
    await drained;
    expect(relay.isListening).toBe(false);
    expect(await takeEnvelopes(aws)).toHaveLength(1);
  });

  it('ends a mail that does not come in time', async () => {
    await start();
    const client = await RawSmtpClient.connect(port);
    await begin(client);
    await relay.drain(100);
    expect(await client.reply()).toMatch(/^421 /);
  });
});

describe('the log', () => {
  it('names no address and no word of a mail', async () => {
    const logged: string[] = [];
    await start({}, logged);
    await send();
    await send(MESSAGE, { from: 'eve@example.com', to: ['marie@example.org'] });
    await send(MESSAGE.replace('From: shop', 'From: boss@example.com, shop'));
    await send(`${HEAD.replace('\r\n\r\n', '\r\nSubject: a\r\nSubject: b\r\n\r\n')}.\r\n`);
    const text = logged.join('\n');
    expect(text).toContain('handed-over');
    expect(text).toContain('mail-refused');
    expect(text).not.toMatch(/marie|shop|boss|eve@|Hi\.|Subject/);
  });
});

describe('certificates', () => {
  const issue = (name: string) =>
    selfSignedCertificate({
      organization: name,
      dnsNames: [name],
      loopback: true,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 86_400_000),
    });

  it('are read again when their files change, and not while they are no pair', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    const [first, second] = await Promise.all([issue('first.test'), issue('second.test')]);
    writeFileSync(certFile, first.certificatePem);
    writeFileSync(keyFile, first.keyPem);
    const seen: string[] = [];
    const logged: string[] = [];
    const write = (event: string) => void logged.push(event);
    const files = await CertificateFiles.open({
      certFile,
      keyFile,
      onChange: ({ cert }) => void seen.push(cert),
      log: { info: write, warn: write, error: write },
    });
    await files.check();
    writeFileSync(certFile, second.certificatePem);
    await files.check();
    expect([seen, logged]).toEqual([[], ['certificate-unreadable']]);
    writeFileSync(keyFile, second.keyPem);
    await files.check();
    expect(seen).toEqual([second.certificatePem]);
    await start();
    rmSync(folder, { recursive: true });
  });

  it('are shown on the port of implicit TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    const [tlsCertFile, tlsKeyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    const certificate = await issue('first.test');
    writeFileSync(tlsCertFile, certificate.certificatePem);
    writeFileSync(tlsKeyFile, certificate.keyPem);
    relay = createSmtpRelay(relaySettingsFor(aws, { tlsCertFile, tlsKeyFile, tlsPort: 0 }));
    const { tlsPort = 0 } = await relay.start();
    const socket = connectTls({ host: '127.0.0.1', port: tlsPort, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    expect(socket.getPeerCertificate().subject.CN).toBe('first.test');
    socket.destroy();
    rmSync(folder, { recursive: true });
  });
});

describe('anything that a client may say', () => {
  const line = fc.oneof(
    fc.constantFrom(
      'EHLO x',
      'HELO x',
      'MAIL FROM:<shop@keybuzz.io>',
      'MAIL FROM:<shop@keybuzz.io> SIZE=10 BODY=8BITMIME',
      'RCPT TO:<marie@example.org>',
      'DATA',
      'RSET',
      'NOOP',
      'VRFY x',
      'HELP',
      'QUIT',
      'STARTTLS',
      'AUTH PLAIN',
      '.',
      'From: shop@keybuzz.io',
      '',
    ),
    fc.string({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  const end = fc.constantFrom('\r\n', '\n', '\r', '\r\n.\r\n', '');

  it('leaves the relay well, and hands over no more than what was answered with 250', async () => {
    await start({ maxMailsPerMinute: 100_000 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(line, end), { maxLength: 25 }), async (lines) => {
        const client = await RawSmtpClient.connect(port);
        let seen = '';
        client.socket.on('data', (text) => {
          seen += text;
        });
        client.write(lines.map((pair) => pair.join('')).join(''));
        client.socket.end();
        await once(client.socket, 'close');
        const mails = await takeEnvelopes(aws);
        expect(mails.length).toBe(seen.split(/^250 2\.0\.0 Ok: relay-/m).length - 1);
        for (const { envelope } of mails) expect(envelope).toEqual(ENVELOPE);
      }),
      { numRuns: 60 },
    );
    expect(await send()).toMatch(/^250 /);
  });
});
