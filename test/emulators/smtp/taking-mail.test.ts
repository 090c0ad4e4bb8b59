import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTransport } from 'nodemailer';
import type { SmtpDouble } from '../../../lib/emulators/smtp/smtp-double.ts';
import { SmtpWorkbench } from './smtp-workbench.ts';

const bench = new SmtpWorkbench();
afterEach(() => bench.close());

const envelope = { from: 'from@example.org', to: ['to@example.org'] };
const raw = 'Subject: hello\r\n\r\nbody\r\n';

describe('accepting mail', () => {
  let double: SmtpDouble;
  beforeEach(async () => {
    double = await bench.double();
  });

  it('keeps the exact bytes, dots unstuffed, and the envelope', async () => {
    const client = bench.dial(double.port);
    expect(await client.upToData(['one@example.org', 'two@example.org'])).toMatch(/^354 /);
    const reply = await client.ask('Subject: x\r\n\r\n..dot\r\nbare\nlf \xe9\r\n...\r\n.');

    expect(reply).toMatch(/^250 2\.0\.0 /);
    expect(double.mails).toHaveLength(1);
    expect(double.mails[0]).toEqual({
      at: expect.any(Date),
      from: 'from@example.org',
      to: ['one@example.org', 'two@example.org'],
      raw: Buffer.from('Subject: x\r\n\r\n.dot\r\nbare\nlf \xe9\r\n..\r\n'),
      esmtp: { from: {}, to: [{}, {}] },
      secure: false,
      user: undefined,
      connection: 1,
    });
  });

  it('has the mail before its sender has the response', async () => {
    const transport = createTransport({ host: double.host, port: double.port, ignoreTLS: true });
    const arrival = double.waitFor((mail) => mail.to.includes('to@example.org'));
    await transport.sendMail({ envelope, raw });
    expect(double.mails).toEqual([await arrival]);
  });

  it('stops waiting when aborted', async () => {
    const waiting = new AbortController();
    const never = double.waitFor(() => false, { signal: waiting.signal });
    waiting.abort(new Error('enough'));
    await expect(never).rejects.toThrow('enough');
  });

  it('accepts mail over STARTTLS and with authentication', async () => {
    const transport = createTransport({
      host: double.host,
      port: double.port,
      requireTLS: true,
      tls: { ca: double.certificatePem },
      auth: { user: 'worker', pass: 'secret' },
    });
    await transport.sendMail({ envelope, raw });
    expect(double.mails).toMatchObject([{ secure: true, user: 'worker' }]);
  });

  it('is not trusted by a client that was not given its certificate', async () => {
    const transport = createTransport({ host: double.host, port: double.port, requireTLS: true });
    await expect(transport.sendMail({ envelope, raw })).rejects.toMatchObject({
      message: expect.stringContaining('self-signed certificate'),
    });
  });

  it('accepts mail of an international sender', async () => {
    const transport = createTransport({ host: double.host, port: double.port, ignoreTLS: true });
    await transport.sendMail({ envelope: { from: 'grüße@example.org', to: ['to@example.org'] }, raw });
    expect(double.mails).toMatchObject([{ from: 'grüße@example.org' }]);
  });

  it('uses TLS from the first byte if configured', async () => {
    const secure = await bench.double({ implicitTls: true });
    const transport = createTransport({
      host: secure.host,
      port: secure.port,
      secure: true,
      tls: { ca: secure.certificatePem },
    });
    await transport.sendMail({ envelope, raw });
    expect(secure.mails).toMatchObject([{ secure: true }]);
  });

  it('listens on a fixed port if configured', async () => {
    const { port } = double;
    await double.close();
    const fixed = await bench.double({ port });
    expect(fixed.port).toBe(port);
  });

  it('closes with conversations open, even in a TLS handshake', async () => {
    const idle = bench.dial(double.port);
    await idle.reply();
    const shaking = bench.dial(double.port);
    await shaking.reply();
    await shaking.ask('EHLO test');
    expect(await shaking.ask('STARTTLS')).toMatch(/^220 /);
    shaking.socket.write(Buffer.from('160301', 'hex'));
    await double.close();
    expect(await idle.ended).toBe('ECONNRESET');
    expect(await shaking.ended).toBe('ECONNRESET');
  });
});
