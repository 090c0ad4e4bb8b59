import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTransport } from 'nodemailer';
import type { SmtpDouble } from '../../../lib/emulators/smtp/smtp-double.ts';
import { SmtpWorkbench } from './smtp-workbench.ts';

const bench = new SmtpWorkbench();
afterEach(() => bench.close());

const mail = {
  envelope: { from: 'from@example.org', to: ['to@example.org'] },
  raw: 'Subject: hello\r\n\r\nbody\r\n',
};

function transportTo(double: SmtpDouble, options: { secure?: boolean; timeoutMs?: number } = {}) {
  return createTransport({
    host: double.host,
    port: double.port,
    secure: options.secure ?? false,
    requireTLS: true,
    greetingTimeout: options.timeoutMs ?? 5000,
    socketTimeout: options.timeoutMs ?? 5000,
    connectionTimeout: options.timeoutMs ?? 5000,
    tls: { ca: double.certificatePem },
  });
}

describe('TLS that fails', () => {
  let double: SmtpDouble;
  beforeEach(async () => {
    double = await bench.double();
  });

  it.each([
    ['expired', /certificate has expired/],
    ['wrong-name', /does not match certificate's altnames/],
  ] as const)(
    'presents a certificate that is %s, even to a client that trusts its key',
    async (flaw, message) => {
      await double.behave({ kind: 'certificate', flaw });
      await expect(transportTo(double).sendMail(mail)).rejects.toThrow(message);
      await double.behave();
      await transportTo(double).sendMail(mail);
      expect(double.mails).toHaveLength(1);
    },
  );

  it('offers STARTTLS and rejects it with 454', async () => {
    await double.behave({ kind: 'starttls-refused' });
    const client = bench.dial(double.port);
    await client.reply();
    expect(await client.ask('EHLO test')).toMatch('STARTTLS');
    expect(await client.ask('STARTTLS')).toMatch(/^454 4\.7\.0 /);
    await expect(transportTo(double).sendMail(mail)).rejects.toMatchObject({ code: 'ETLS' });
  });

  it.each([
    ['reset', 'ECONNRESET'],
    ['close', 'closed'],
  ] as const)('breaks the handshake of STARTTLS by %s', async (by, end) => {
    await double.behave({ kind: 'handshake-broken', by });
    const client = bench.dial(double.port);
    await client.reply();
    await client.ask('EHLO test');
    expect(await client.ask('STARTTLS')).toMatch(/^220 /);
    client.say('hello');
    expect(await client.ended).toBe(end);
    await expect(transportTo(double).sendMail(mail)).rejects.toThrow();
  });

  it('responds to the handshake with plain text', async () => {
    await double.behave({ kind: 'handshake-broken', by: 'garbage' });
    await expect(transportTo(double).sendMail(mail)).rejects.toThrow(
      /wrong version number|packet length too long/,
    );
  });

  it('never responds to the handshake', async () => {
    await double.behave({ kind: 'handshake-broken', by: 'stall' });
    await expect(transportTo(double, { timeoutMs: 200 }).sendMail(mail)).rejects.toThrow(
      /timeout|timed out/i,
    );
  });

  it.each(['reset', 'close', 'garbage'] as const)(
    'breaks the handshake of implicit TLS by %s',
    async (by) => {
      const secure = await bench.double({ implicitTls: true });
      await secure.behave({ kind: 'handshake-broken', by });
      await expect(transportTo(secure, { secure: true }).sendMail(mail)).rejects.toThrow();
      await secure.behave({ kind: 'certificate', flaw: 'expired' });
      await expect(transportTo(secure, { secure: true }).sendMail(mail)).rejects.toThrow(/expired/);
      await secure.behave();
      await transportTo(secure, { secure: true }).sendMail(mail);
    },
  );

  it.each(['reset', 'close'] as const)('breaks a conversation within TLS by %s', async (by) => {
    await double.behave({ kind: 'break', at: 'final-dot', by });
    await expect(transportTo(double).sendMail(mail)).rejects.toThrow();
    expect(double.unanswered).toMatchObject([{ secure: true }]);
  });

  it('stops responding within TLS', async () => {
    await double.behave({ kind: 'break', at: 'go-ahead', by: 'stall' });
    await expect(transportTo(double, { timeoutMs: 200 }).sendMail(mail)).rejects.toThrow(
      /timeout|timed out/i,
    );
  });
});

describe('a pooled connection', () => {
  it('is replaced by the pool if it dropped after its message', async () => {
    const double = await bench.double({
      behaviours: [{ kind: 'drops-idle', by: 'close', when: 'next-command' }],
    });
    const pool = createTransport({
      pool: true,
      maxConnections: 1,
      host: double.host,
      port: double.port,
      ignoreTLS: true,
    });
    await pool.sendMail(mail);
    await pool.sendMail(mail);
    pool.close();
    expect(double.mails.map(({ connection }) => connection)).toEqual([1, 2]);
  });
});
