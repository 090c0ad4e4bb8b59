import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import nodemailer, { type Transporter } from 'nodemailer';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import type { MailerSettings } from '../../lib/mailer/settings.ts';
import { type FallbackInfo, fallbackTransport } from '../../lib/mailer/transport.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { takeAll, takeEnvelopes } from '../support/queue-contents.ts';
import { smtpSettingsFor } from '../support/smtp-settings-for.ts';

const MAIL = {
  from: 'support@keybuzz.io',
  to: 'marie@example.org',
  subject: 'Your order',
  text: 'On its way.',
};

describe('the nodemailer transport', () => {
  let aws: SqsAndS3;
  let double: SmtpDouble;
  let transporter: Transporter<FallbackInfo>;

  const settings = (overrides: Partial<MailerSettings> = {}): MailerSettings => ({
    smtp: smtpSettingsFor(double),
    fallback: fallbackSettingsFor(aws),
    ...overrides,
  });

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
  });

  afterAll(async () => {
    await aws.close();
  });

  beforeEach(async () => {
    double = await startSmtpDouble();
    transporter = nodemailer.createTransport(fallbackTransport(settings()));
  });

  afterEach(async () => {
    transporter.close();
    aws.heal();
    await takeAll(aws, aws.fallback);
    await double.close();
  });

  it('returns the same info as the SMTP transport of nodemailer', async () => {
    const plain = nodemailer.createTransport({
      host: double.host,
      port: double.port,
      tls: { ca: double.certificatePem },
    });
    const expected = await plain.sendMail({ ...MAIL, messageId: '<m-1@keybuzz.io>' });
    plain.close();

    const info = await transporter.sendMail({ ...MAIL, messageId: '<m-1@keybuzz.io>' });

    for (const field of ['accepted', 'rejected', 'envelope', 'messageId'] as const) {
      expect(info[field]).toEqual(expected[field]);
    }
    expect(info.response).toMatch(/^250 /);
    expect(info.outcome.kind).toBe('taken');
  });

  it('sends by SMTP what was given to it before it is closed, and refuses what comes later', async () => {
    const sends = Array.from({ length: 40 }, () => transporter.sendMail(MAIL));

    transporter.close();

    await expect(transporter.sendMail(MAIL)).rejects.toMatchObject({ code: 'ECLOSED' });
    const infos = await Promise.all(sends);
    expect(infos.map(({ outcome }) => outcome.kind)).toEqual(Array.from({ length: 40 }, () => 'taken'));
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('calls a given callback', async () => {
    const info = await new Promise((resolve, reject) => {
      transporter.sendMail(MAIL, (error, result) => (error ? reject(error) : resolve(result)));
    });

    expect(info).toMatchObject({ accepted: ['marie@example.org'] });
  });

  it('succeeds if SMTP fails and the queue accepts the mail', async () => {
    await double.behave({ kind: 'refused' });

    const info = await transporter.sendMail({
      ...MAIL,
      id: 'reply-1',
      tenantId: 'tenant-7',
      tags: { kind: 'reply' },
      urgent: true,
    });

    expect(info).toMatchObject({
      accepted: ['marie@example.org'],
      rejected: [],
      response: expect.stringMatching(/^250 handed over to the queue as /),
      outcome: { kind: 'handed-over' },
    });
    expect(await takeEnvelopes(aws)).toMatchObject([
      { id: 'reply-1', tenantId: 'tenant-7', tags: { kind: 'reply' }, priority: 'urgent' },
    ]);
  });

  it('fails if neither accepted it, with the code, the reasons and the outcome', async () => {
    await double.behave({ kind: 'relay-denied' });
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessage' } });

    await expect(transporter.sendMail(MAIL)).rejects.toMatchObject({
      code: 'ENOTACCEPTED',
      response: expect.stringContaining('554 5.7.1'),
      message: expect.stringMatching(
        /neither by SMTP \(rejected\) nor by the fallback \(queue-misconfigured: AccessDenied/,
      ),
      outcome: { kind: 'not-accepted' },
    });
  });

  it('succeeds in part like nodemailer, and names the others', async () => {
    await double.behave({
      kind: 'recipients-refused',
      replies: { 'paul@example.org': '550 5.1.1 No such user' },
    });
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessage' } });

    const info = await transporter.sendMail({ ...MAIL, cc: 'paul@example.org' });

    expect(info).toMatchObject({ accepted: ['marie@example.org'], rejected: ['paul@example.org'] });
  });

  it('fails for a mail that can never be sent', async () => {
    await expect(transporter.sendMail({ ...MAIL, to: '' })).rejects.toMatchObject({
      code: 'EREFUSED',
      outcome: { reason: 'no-recipient' },
    });
  });

  it('fails for a mail that is held', async () => {
    const holding = nodemailer.createTransport(fallbackTransport(settings({ onUnknown: 'hold' })));
    await double.behave({ kind: 'break', at: 'final-dot', by: 'reset' });

    await expect(holding.sendMail(MAIL)).rejects.toMatchObject({ code: 'EHELD' });
    holding.close();
  });

  it('fails for a field of the wrong type, as for any mail that can never be sent', async () => {
    const wrong = { ...MAIL, ...JSON.parse('{"id":5,"tags":null}') };

    await expect(transporter.sendMail(wrong)).rejects.toMatchObject({
      name: 'MailNotSentError',
      code: 'EREFUSED',
      outcome: {
        kind: 'refused',
        reason: 'invalid',
        detail: expect.stringContaining('id (a number): expected string'),
      },
    });
    expect(double.connections).toBe(0);
  });

  it('verifies that SMTP would accept mail, by promise and by callback', async () => {
    expect(await transporter.verify()).toBe(true);
    const called = await new Promise((resolve) =>
      transporter.verify((error, success) => resolve([error, success])),
    );

    expect(called).toEqual([null, true]);
    expect(double.mails).toEqual([]);
  });

  it('fails to verify if SMTP is down, regardless of the fallback', async () => {
    await double.behave({ kind: 'refused' });

    await expect(transporter.verify()).rejects.toMatchObject({
      name: 'SmtpNotReadyError',
      code: 'ECONNREFUSED',
      failure: { class: 'unreachable' },
    });
    const called = await new Promise((resolve) => transporter.verify((error) => resolve(error)));
    expect(called).toMatchObject({ code: 'ECONNREFUSED' });
  });

  const DSN = {
    id: 'order 4711',
    return: 'headers',
    notify: ['failure', 'delay'],
    recipient: 'marie@example.org',
  };

  it.each([
    DSN,
    { envid: 'order 4711', ret: 'HDRS', notify: 'FAILURE, DELAY', orcpt: 'rfc822;marie@example.org' },
  ])('passes what dsn asks for to a server that offers it: %j', async (dsn) => {
    const info = await transporter.sendMail({ ...MAIL, dsn });

    expect(info.outcome.kind).toBe('taken');
    expect(double.mails[0]?.esmtp).toMatchObject({
      from: { RET: 'HDRS', ENVID: 'order 4711' },
      to: [{ NOTIFY: 'FAILURE,DELAY', ORCPT: 'rfc822;marie@example.org' }],
    });
  });

  it('leaves dsn out for a server that does not offer it, and in the fallback', async () => {
    await double.behave({ kind: 'without', extensions: ['DSN'] });
    const taken = await transporter.sendMail({ ...MAIL, dsn: DSN });
    await double.behave({ kind: 'refused' });
    const handedOver = await transporter.sendMail({ ...MAIL, dsn: DSN, id: 'reply-1' });

    expect([taken.outcome.kind, handedOver.outcome.kind]).toEqual(['taken', 'handed-over']);
    expect(double.mails[0]?.esmtp.to).toEqual([{}]);
    expect(await takeEnvelopes(aws)).toMatchObject([
      { id: 'reply-1', envelope: { to: ['marie@example.org'] } },
    ]);
  });

  it.each([
    [{ notify: 'sometimes' }, 'dsn.notify'],
    [{ notify: ['never', 'failure'] }, 'dsn.notify'],
    [{ return: 'everything' }, 'dsn.return'],
    [{ id: 'order\r\nRCPT TO:<x@y.z>' }, 'dsn.id'],
    [{ id: 'x'.repeat(101) }, 'dsn.id'],
    ['failure', 'dsn'],
  ])('refuses a dsn that no server would take: %j', async (dsn, detail) => {
    const wrong = { ...MAIL, ...JSON.parse(JSON.stringify({ dsn })) };

    await expect(transporter.sendMail(wrong)).rejects.toMatchObject({
      code: 'EREFUSED',
      outcome: { reason: 'invalid', detail: expect.stringContaining(detail) },
    });
    expect(double.connections).toBe(0);
  });

  it('is idle until twice as many mails as connections are in flight', async () => {
    await double.behave({ kind: 'slow', bytesPerSecond: 2_000 });
    const sending = [];
    while (transporter.isIdle() && sending.length < 100) sending.push(transporter.sendMail(MAIL));

    expect(sending).toHaveLength(2 * smtpSettingsFor(double).maxConnections);
    await Promise.race(sending);
    expect(transporter.isIdle()).toBe(true);
    await Promise.all(sending);
  });

  it('asks for the next mails by the event idle, as the pool of nodemailer does', async () => {
    const waiting = Array.from({ length: 30 }, (_, index) => ({ ...MAIL, id: `reply-${index}` }));
    const sent: Promise<FallbackInfo>[] = [];
    await new Promise<void>((resolve) => {
      transporter.on('idle', () => {
        while (transporter.isIdle()) {
          const next = waiting.shift();
          if (next === undefined) return resolve();
          sent.push(transporter.sendMail(next));
        }
      });
    });

    expect((await Promise.all(sent)).map(({ outcome }) => outcome.id).sort()).toEqual(
      Array.from({ length: 30 }, (_, index) => `reply-${index}`).sort(),
    );
  });

  it('rejects wrong settings when it is created', () => {
    expect(() => fallbackTransport(settings({ timeToLiveMs: -1 }))).toThrow('timeToLiveMs');
  });
});
