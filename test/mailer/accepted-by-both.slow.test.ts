import { type createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import nodemailer, { type SendMailOptions } from 'nodemailer';
import { SesV1Sender } from '../../lib/adapters/ses/ses-v1-sender.ts';
import type { Delivery } from '../../lib/domain/delivery.ts';
import { headerValues } from '../../lib/domain/mime-headers.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SesDouble, startSesDouble } from '../../lib/emulators/ses/ses-double.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import type { Mail, Mailer } from '../../lib/mailer/mailer.ts';
import { fallbackTransport } from '../../lib/mailer/transport.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { takeAll, takeEnvelopes } from '../support/queue-contents.ts';
import { smtpSettingsFor } from '../support/smtp-settings-for.ts';

const MAIL: Mail = {
  from: 'KeyBuzz <support@keybuzz.io>',
  to: 'marie@example.org',
  subject: 'Your order',
  text: 'It is on its way.',
  html: '<p>It is on its way.</p>',
};

const RAW = ['From: support@keybuzz.io', 'To: marie@example.org', 'Subject: Your order'];

const raw = (...fields: string[]): Mail => ({
  envelope: { from: 'support@keybuzz.io', to: 'marie@example.org' },
  raw: [...fields, ...RAW, '', 'It is on its way.', ''].join('\r\n'),
});

/** A pair of keys for DKIM, as nodemailer takes them. */
function dkimKeys() {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ed25519 = generateKeyPairSync('ed25519');
  const pem = (key: typeof rsa.privateKey) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    publicKey: rsa.publicKey,
    keys: [
      { domainName: 'keybuzz.io', keySelector: 'new', privateKey: pem(ed25519.privateKey) },
      { domainName: 'keybuzz.io', keySelector: 'old', privateKey: pem(rsa.privateKey) },
    ],
  };
}

describe('what the mailer composes', () => {
  let aws: SqsAndS3;
  let smtp: SmtpDouble;
  let ses: SesDouble;
  let sender: SesV1Sender;
  let mailer: Mailer;

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
  });
  afterAll(() => aws.close());

  beforeEach(async () => {
    smtp = await startSmtpDouble();
    ses = await startSesDouble({
      identities: ['keybuzz.io'],
      configurationSets: ['keybuzz-mail'],
      maxSendRate: 1000,
    });
    const client = { region: 'eu-west-1', endpoint: ses.url, credentials: { ...aws.credentials } };
    sender = new SesV1Sender('keybuzz-mail', 5_000, client);
    mailer = createMailer({ smtp: smtpSettingsFor(smtp), fallback: fallbackSettingsFor(aws) });
  });

  afterEach(async () => {
    await takeAll(aws, aws.fallback);
    await mailer.close();
    sender.close();
    await Promise.all([smtp.close(), ses.close()]);
  });

  async function composed(mail: Mail): Promise<Delivery> {
    const result = await mailer.compose(mail);
    if (result.kind === 'refused') throw new Error(`${result.reason}: ${result.detail}`);
    return result.delivery;
  }

  /** Sends by both routes, and returns what was composed. */
  async function sentByBoth(mail: Mail): Promise<Delivery> {
    const delivery = await composed(mail);
    expect(await mailer.deliver(delivery)).toMatchObject({ kind: 'taken' });
    const { id: deliveryId, from, to: recipients, mime } = delivery;
    const response = await sender.send({ from, recipients, mime, deliveryId, part: 0, tags: {} });
    expect(response).toMatchObject({ kind: 'sent' });
    return delivery;
  }

  const unsubscribe = (delivery: Delivery) => headerValues(delivery.mime, 'list-unsubscribe');

  it('has one List-Unsubscribe with all of its URIs', async () => {
    const list = { unsubscribe: ['https://keybuzz.io/u/1', 'u@keybuzz.io'] };

    expect(unsubscribe(await sentByBoth({ ...MAIL, list }))).toEqual([
      '<https://keybuzz.io/u/1>, <mailto:u@keybuzz.io>',
    ]);
    const headers = { 'List-Unsubscribe': '<https://keybuzz.io/u/1>' };
    expect(unsubscribe(await sentByBoth({ ...MAIL, list, headers }))).toEqual([
      '<https://keybuzz.io/u/1>, <mailto:u@keybuzz.io>',
    ]);
  });

  it.each(['text/html', 'text/plain; charset=utf-8', 'TEXT/HTML; charset=iso-8859-1'])(
    'keeps its own Content-Type beside that of the caller: %s',
    async (type) => {
      const { mime } = await sentByBoth({ ...MAIL, headers: { 'Content-Type': type } });

      expect(headerValues(mime, 'content-type')).toEqual([
        expect.stringMatching(/^multipart\/alternative; boundary=/),
      ]);
      expect(mime.toString()).toContain(
        `--${/boundary="([^"]+)"/.exec(headerValues(mime, 'content-type')[0] ?? '')?.[1]}`,
      );
    },
  );

  it('is refused if the Content-Type of the caller contradicts the only body', async () => {
    const { html: _html, ...mail } = MAIL;

    expect(await mailer.send({ ...mail, headers: { 'Content-Type': 'text/html' } })).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('2 different fields content-type'),
    });
  });

  it('has one DKIM-Signature, by RSA, over what was corrected', async () => {
    const { keys, publicKey } = dkimKeys();
    const list = { unsubscribe: ['https://keybuzz.io/u/1', 'u@keybuzz.io'] };

    const { mime } = await sentByBoth({ ...MAIL, list, from: 'support@KeyBuzz.io', dkim: { keys } });

    const signatures = headerValues(mime, 'dkim-signature');
    expect(signatures).toEqual([expect.stringMatching(/a=rsa-sha256;.*s=old;/)]);
    expect(isSigned(mime, publicKey)).toBe(true);
  });

  it.each([
    'KeyBuzz: Support <support@keybuzz.io>',
    'Martin, Marie <support@keybuzz.io>',
    'KeyBuzz: support@keybuzz.io',
  ])('has a name with its characters, not a group: %s', async (from) => {
    const { mime } = await sentByBoth({ ...MAIL, from, replyTo: from, cc: from.replace('support@', 'cc@') });

    expect(headerValues(mime, 'from')).toEqual([expect.stringMatching(/^"?[^"]+"? <support@keybuzz\.io>$/)]);
    expect(headerValues(mime, 'from')[0]).not.toMatch(/:.*;$/);
    expect(headerValues(mime, 'reply-to')).toEqual(headerValues(mime, 'from'));
    const written = raw().raw?.toString().replace('From: support@keybuzz.io', `From: ${from}`);
    await sentByBoth({ ...raw(), raw: written });
  });

  it.each(['Return-Path: <bounces@mailer.example>', 'To:', 'Cc: ', 'Reply-To:', 'Bcc: hidden@example.org'])(
    'has not the field of a ready-made message that SES refuses: %s',
    async (field) => {
      const { mime } = await sentByBoth(raw(field));

      expect(mime.toString().split('\r\n')).not.toContain(field);
      expect(mime.toString()).toContain('\r\nTo: marie@example.org\r\n');
    },
  );

  it('needs no To', async () => {
    await sentByBoth({ ...MAIL, to: 'undisclosed-recipients:;', bcc: 'marie@example.org' });
    await sentByBoth({ ...MAIL, to: '', bcc: 'marie@example.org' });
    await sentByBoth({ ...MAIL, headers: { To: '', 'Return-Path': 'x@mailer.example' } });
  });

  it('has a long line folded at its blanks, and is refused if it has none', async () => {
    await sentByBoth({ ...MAIL, headers: { 'X-Words': 'word '.repeat(800) } });

    for (const mail of [
      { ...MAIL, headers: { 'X-Token': 'x'.repeat(3000) } },
      { ...MAIL, subject: 'x'.repeat(3000) },
      raw(`X-Token: ${'x'.repeat(3000)}`),
    ]) {
      expect(await mailer.send(mail)).toMatchObject({
        kind: 'refused',
        reason: 'invalid',
        detail: expect.stringMatching(/^line \d+ of the message has \d+ characters, at most 998/),
      });
    }
    expect(smtp.mails).toHaveLength(1);
  });

  it.each([
    'jörg@example.org',
    'root@localhost',
    'marie@[127.0.0.1]',
    'marie@under_score.example',
    `${'a'.repeat(65)}@example.org`,
    `marie@${'a'.repeat(64)}.example`,
  ])('is refused if it is to go to an address that SES does not send to: %s', async (address) => {
    for (const mail of [
      { ...MAIL, to: address },
      { ...MAIL, from: address },
      { ...raw(), envelope: { from: 'support@keybuzz.io', to: address } },
    ]) {
      expect(await mailer.send(mail)).toMatchObject({ kind: 'refused', reason: 'invalid' });
    }
    expect(smtp.connections).toBe(0);
  });

  it.each([
    'jörg@example.org',
    'root@localhost',
    'paul at example.org',
    'paul@exa..mple',
    'paul@example.org/x',
  ])('goes to the others if one of several addresses can never be sent to: %s', async (address) => {
    for (const mail of [
      { ...MAIL, to: ['marie@example.org', address] },
      { ...MAIL, cc: [address] },
      { ...MAIL, bcc: address },
    ]) {
      const outcome = await mailer.send(mail);

      expect(outcome).toMatchObject({
        kind: 'taken',
        taken: { recipients: ['marie@example.org'] },
        refused: [{ address: expect.any(String), detail: expect.any(String) }],
      });
      expect(JSON.stringify(outcome)).toContain(address.slice(0, 2));
      expect(outcome).not.toMatchObject({ refused: [{ detail: expect.stringContaining(address) }] });
      await sentByBoth(mail);
    }
  });

  it.each(['Message-ID:', 'Message-ID: <>', 'message-id:  \r\n '])(
    'has an id of its own if its Message-ID is empty: %j',
    async (field) => {
      const [one, same, other] = await Promise.all([
        sentByBoth(raw(field)),
        sentByBoth(raw(field)),
        sentByBoth(raw(field, 'X-Other: 1')),
      ]);

      const deliveries = [one, same, other];
      expect(new Set(deliveries.map(({ id }) => id)).size).toBe(3);
      for (const { id, mime } of deliveries) {
        expect(headerValues(mime, 'message-id')).toEqual([`<${id}>`]);
      }
    },
  );

  it('has an id of its own if the messageId of the caller is empty', async () => {
    const [one, other] = await Promise.all([
      sentByBoth({ ...MAIL, messageId: ' ' }),
      sentByBoth({ ...MAIL, messageId: '<>' }),
    ]);

    expect(one.id).not.toBe(other.id);
    expect(one.messageId).toMatch(/^<\S+@keybuzz\.io>$/);
  });

  it('is refused if a ready-made message contradicts itself', async () => {
    for (const field of [
      'Subject: another',
      'From: sales@keybuzz.io',
      'Content-Type: a/b\r\nContent-Type: c/d',
    ]) {
      expect(await mailer.send(raw(field))).toMatchObject({ kind: 'refused', reason: 'invalid' });
    }
  });

  it('is corrected by the transport of nodemailer, too', async () => {
    await smtp.behave({ kind: 'refused' });
    const transporter = nodemailer.createTransport(
      fallbackTransport({ smtp: smtpSettingsFor(smtp), fallback: fallbackSettingsFor(aws) }),
    );
    const mail: SendMailOptions = {
      ...MAIL,
      from: 'KeyBuzz: Support <support@keybuzz.io>',
      list: { unsubscribe: ['https://keybuzz.io/u/1', 'u@keybuzz.io'] },
    };

    await transporter.sendMail({ ...mail, tenantId: 'Müller GmbH' });

    expect(await takeEnvelopes(aws)).toMatchObject([{ tenantId: 'Müller GmbH' }]);
    await expect(transporter.sendMail({ ...mail, to: 'root@localhost' })).rejects.toMatchObject({
      code: 'EREFUSED',
    });
    transporter.close();
  });
});

/** Checks a DKIM-Signature in relaxed form (RFC 6376) without the body hash. */
function isSigned(mime: Buffer, publicKey: ReturnType<typeof createPublicKey>): boolean {
  const lines = mime.toString('latin1').split('\r\n\r\n')[0] ?? '';
  const fields = lines.split(/\r\n(?![ \t])/).map((field) => {
    const colon = field.indexOf(':');
    const value = field
      .slice(colon + 1)
      .replaceAll(/\s+/g, ' ')
      .trim();
    return { name: field.slice(0, colon).toLowerCase(), value };
  });
  const signature = fields.find(({ name }) => name === 'dkim-signature')?.value ?? '';
  const tag = (name: string) => new RegExp(`(?:^|;)\\s*${name}=([^;]*)`).exec(signature)?.[1] ?? '';
  const signed = tag('h')
    .replaceAll(/\s/g, '')
    .split(':')
    .map((name) => fields.find((field) => field.name === name.toLowerCase()))
    .map((field) => `${field?.name}:${field?.value}\r\n`);
  const unsigned = `dkim-signature:${signature.replace(/((?:^|;)\s*b=)[^;]*/, '$1').trim()}`;
  const text = Buffer.from(`${signed.join('')}${unsigned}`, 'latin1');
  return verify('sha256', text, publicKey, Buffer.from(tag('b').replaceAll(/\s/g, ''), 'base64'));
}
