import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTransport } from 'nodemailer';
import type { SmtpDouble } from '../../../lib/emulators/smtp/smtp-double.ts';
import { SmtpWorkbench } from './smtp-workbench.ts';

const bench = new SmtpWorkbench();
afterEach(() => bench.close());

const envelope = { from: 'from@example.org', to: ['good@example.org', 'bad@example.org'] };
const raw = 'Subject: hello\r\n\r\nbody\r\n';

describe('a host that rejects', () => {
  let double: SmtpDouble;
  beforeEach(async () => {
    double = await bench.double();
  });

  it.each(['421 4.3.2 Too busy', '554 5.7.1 No mail from you'])(
    'greets with %s and closes',
    async (reply) => {
      await double.behave({ kind: 'greeting', reply });
      const client = bench.dial(double.port);
      expect(await client.reply()).toBe(reply);
      expect(await client.ended).toBe('closed');
    },
  );

  it('greets with garbage and stays open', async () => {
    await double.behave({ kind: 'greeting', reply: 'HTTP/1.1 400 Bad Request' });
    const client = bench.dial(double.port);
    expect(await client.reply()).toBe('HTTP/1.1 400 Bad Request');
    expect(client.socket.readyState).toBe('open');
  });

  it.each(['451 4.3.0 Try later', '550 5.7.1 Sender refused'] as const)(
    'responds to MAIL with %s',
    async (reply) => {
      await double.behave({ kind: 'sender-refused', reply });
      const client = bench.dial(double.port);
      await client.reply();
      await client.ask('EHLO test');
      expect(await client.ask('MAIL FROM:<from@example.org>')).toBe(reply);
    },
  );

  it('rejects chosen recipients with their replies and accepts the others', async () => {
    await double.behave({
      kind: 'recipients-refused',
      replies: { 'bad@example.org': '550 5.1.1 Unknown', 'slow@example.org': '450 4.2.1 Greylisted' },
    });
    const client = bench.dial(double.port);
    await client.reply();
    await client.ask('EHLO test');
    await client.ask('MAIL FROM:<from@example.org>');
    expect(await client.ask('RCPT TO:<Bad@example.org>')).toBe('550 5.1.1 Unknown');
    expect(await client.ask('RCPT TO:<slow@example.org>')).toBe('450 4.2.1 Greylisted');
    expect(await client.ask('RCPT TO:<good@example.org>')).toMatch(/^250/);
    await client.ask('DATA');
    expect(await client.ask('x\r\n.')).toMatch(/^250/);
    expect(double.mails).toMatchObject([{ to: ['good@example.org'] }]);
  });

  it('denies relaying', async () => {
    await double.behave({ kind: 'relay-denied' });
    const client = bench.dial(double.port);
    await client.reply();
    await client.ask('EHLO test');
    await client.ask('MAIL FROM:<from@example.org>');
    expect(await client.ask('RCPT TO:<to@example.org>')).toBe('554 5.7.1 Relay access denied');
  });

  it('rejects DATA, and continues the conversation', async () => {
    await double.behave({ kind: 'data-refused', reply: '451 4.3.0 Queue file write error' });
    const client = bench.dial(double.port);
    expect(await client.upToData()).toBe('451 4.3.0 Queue file write error');
    expect(await client.ask('RSET')).toMatch(/^250/);
  });

  it.each(['452 4.3.1 Insufficient system storage', '554 5.6.0 Message refused', 'banana'])(
    'responds to the final dot with %s',
    async (reply) => {
      await double.behave({ kind: 'final-reply', reply });
      const client = bench.dial(double.port);
      await client.upToData();
      expect(await client.ask('x\r\n.')).toBe(reply);
      expect(double.mails).toEqual([]);
      expect(double.unanswered).toHaveLength(reply === 'banana' ? 1 : 0);
    },
  );

  it('rejects some recipients and then the message, in any way', async () => {
    const refused = {
      kind: 'recipients-refused',
      replies: { 'bad@example.org': '550 5.1.1 Unknown' },
    } as const;
    await double.behave(refused, { kind: 'break', at: 'final-dot', by: 'reset' });
    const transport = createTransport({ host: double.host, port: double.port, ignoreTLS: true });
    await expect(transport.sendMail({ envelope, raw })).rejects.toThrow();
    expect(double.unanswered).toMatchObject([{ to: ['good@example.org'] }]);

    await double.behave(refused, { kind: 'final-reply', reply: '452 4.3.1 Full' });
    await expect(transport.sendMail({ envelope, raw })).rejects.toMatchObject({ responseCode: 452 });

    await double.behave(refused, { kind: 'data-refused', reply: '554 5.5.1 No' });
    await expect(transport.sendMail({ envelope, raw })).rejects.toMatchObject({ responseCode: 554 });
    expect(double.mails).toEqual([]);
  });

  it('advertises its size limit and rejects a larger MAIL at once', async () => {
    await double.behave({ kind: 'size-limit', bytes: 1000, advertised: true });
    const client = bench.dial(double.port);
    await client.reply();
    expect(await client.ask('EHLO test')).toMatch(/^250.SIZE 1000$/m);
    expect(await client.ask('MAIL FROM:<from@example.org> SIZE=1001')).toMatch(/^552 /);
  });

  it.each([true, false])(
    'reads a message over the limit and rejects it; advertised: %s',
    async (advertised) => {
      await double.behave({ kind: 'size-limit', bytes: 1000, advertised });
      const client = bench.dial(double.port);
      await client.reply();
      const capabilities = await client.ask('EHLO test');
      expect(capabilities.includes('SIZE')).toBe(advertised);
      await client.ask('MAIL FROM:<from@example.org>');
      await client.ask('RCPT TO:<to@example.org>');
      await client.ask('DATA');
      expect(await client.ask(`${'x'.repeat(999)}\r\n.`)).toMatch(/^552 5\.3\.4 /);
      expect(double.mails).toEqual([]);
    },
  );

  it('works without extensions', async () => {
    await double.behave({
      kind: 'without',
      extensions: ['PIPELINING', 'SMTPUTF8', '8BITMIME', 'STARTTLS', 'AUTH'],
    });
    const client = bench.dial(double.port);
    await client.reply();
    expect(await client.ask('EHLO test')).not.toMatch(/PIPELINING|SMTPUTF8|8BITMIME|STARTTLS|AUTH/);
    await double.behave();
    const healthy = bench.dial(double.port);
    await healthy.reply();
    const all = await healthy.ask('EHLO test');
    for (const extension of ['PIPELINING', 'SMTPUTF8', '8BITMIME', 'STARTTLS', 'AUTH'])
      expect(all).toMatch(extension);
  });

  it('accepts a message slowly', async () => {
    await double.behave({ kind: 'slow', bytesPerSecond: 10_000 });
    const client = bench.dial(double.port);
    await client.upToData();
    const start = performance.now();
    expect(await client.ask(`${'x'.repeat(1998)}\r\n.`)).toMatch(/^250/);
    expect(performance.now() - start).toBeGreaterThan(190);
    expect(double.mails[0]?.raw).toHaveLength(2000);
  });
});

describe('a host that requires authentication', () => {
  const login = (user: string, pass: string) =>
    `AUTH PLAIN ${Buffer.from(`\0${user}\0${pass}`).toString('base64')}`;

  it('responds to MAIL without AUTH with 530, to a wrong account with 535, to the right one with 235', async () => {
    const double = await bench.double({
      behaviours: [{ kind: 'auth-required', account: { user: 'worker', pass: 'secret' } }],
    });
    const client = bench.dial(double.port);
    await client.reply();
    await client.ask('EHLO test');
    expect(await client.ask('MAIL FROM:<from@example.org>')).toMatch(/^530 5\.7\.0 /);
    expect(await client.ask(login('worker', 'wrong'))).toMatch(/^535 5\.7\.8 /);
    expect(await client.ask(login('worker', 'secret'))).toMatch(/^235 /);
    expect(await client.ask('MAIL FROM:<from@example.org>')).toMatch(/^250 /);
  });

  it.each([undefined, '454 4.7.0 Temporary authentication failure'] as const)(
    'rejects every account: %s',
    async (reply) => {
      const double = await bench.double({
        behaviours: [reply ? { kind: 'auth-refused', reply } : { kind: 'auth-refused' }],
      });
      const client = bench.dial(double.port);
      await client.reply();
      await client.ask('EHLO test');
      expect(await client.ask(login('worker', 'secret'))).toMatch(reply ?? /^535 5\.7\.8 /);
    },
  );
});
