import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SmtpPoolRoute } from '../../../lib/adapters/smtp/smtp-pool-route.ts';
import { type SmtpDouble, startSmtpDouble } from '../../../lib/emulators/smtp/smtp-double.ts';
import { aDelivery } from '../../support/a-delivery.ts';
import { STAGED_FAILURES } from '../../support/smtp-failures.ts';
import { smtpSettingsFor } from '../../support/smtp-settings-for.ts';

describe('the SMTP route', () => {
  let double: SmtpDouble;
  let route: SmtpPoolRoute;

  beforeEach(async () => {
    double = await startSmtpDouble();
    route = new SmtpPoolRoute(smtpSettingsFor(double));
  });

  afterEach(async () => {
    await route.close();
    await double.close();
  });

  it('gives the server the composed bytes, dots and all', async () => {
    const delivery = aDelivery();

    const answer = await route.send(delivery);

    expect(answer).toMatchObject({
      kind: 'taken',
      taken: { recipients: ['marie@example.org'] },
      refused: [],
    });
    expect(double.mails[0]?.raw.equals(delivery.mime)).toBe(true);
    expect(double.mails[0]?.secure).toBe(true);
  });

  it.each(STAGED_FAILURES)('classes "$name" as $class in phase $phase', async (staged) => {
    await double.behave(...staged.behaviours);
    const failing = new SmtpPoolRoute(smtpSettingsFor(double, staged.smtp ?? {}));

    const answer = await failing.send(aDelivery());
    await failing.close();

    expect(answer.kind).toBe('failed');
    if (answer.kind !== 'failed') return;
    expect({ class: answer.failure.class, phase: answer.failure.phase }).toEqual({
      class: staged.class,
      phase: staged.phase,
    });
    expect(double.mails).toHaveLength(0);
  });

  it('tells a break after a part of a large body from one after all of it', async () => {
    const mime = Buffer.concat([aDelivery().mime, Buffer.alloc(5_000_000, 'kilo mike\r\n')]);
    await double.behave({ kind: 'break', at: 'body', by: 'reset', afterBytes: 10 });

    const answer = await route.send(aDelivery({ mime }));

    expect(answer).toMatchObject({ kind: 'failed', failure: { class: 'unknown', phase: 'data' } });
  });

  it('keeps what the server said', async () => {
    await double.behave({ kind: 'relay-denied' });

    const answer = await route.send(aDelivery());

    expect(answer).toMatchObject({
      kind: 'failed',
      failed: [],
      refused: [{ address: 'marie@example.org', failure: { class: 'rejected', command: 'RCPT TO' } }],
      failure: { response: expect.stringContaining('554 5.7.1'), enhancedStatus: '5.7.1' },
    });
  });

  it('names the recipients that were refused out of several', async () => {
    await double.behave({
      kind: 'recipients-refused',
      replies: { 'paul@example.org': '550 5.1.1 No such user' },
    });

    const answer = await route.send(aDelivery({ to: ['marie@example.org', 'paul@example.org'] }));

    expect(answer).toMatchObject({
      kind: 'taken',
      taken: { recipients: ['marie@example.org'] },
      refused: [{ address: 'paul@example.org', failure: { class: 'rejected', enhancedStatus: '5.1.1' } }],
    });
  });

  const thenTheDataFails = [
    {
      name: 'is refused 4xx',
      behaviour: { kind: 'final-reply', reply: '452 4.3.1 Full' },
      class: 'deferred',
    },
    {
      name: 'is refused 5xx',
      behaviour: { kind: 'final-reply', reply: '554 5.6.0 Spam' },
      class: 'rejected',
    },
    { name: 'ends in a reset', behaviour: { kind: 'break', at: 'final-dot', by: 'reset' }, class: 'unknown' },
    {
      name: 'is never answered',
      behaviour: { kind: 'break', at: 'final-dot', by: 'stall' },
      class: 'unknown',
    },
    { name: 'is not let in', behaviour: { kind: 'data-refused', reply: '451 4.3.0 No' }, class: 'deferred' },
  ] as const;

  it.each(thenTheDataFails)(
    'forgets nobody where some were refused and then the data $name',
    async (staged) => {
      const replies = { 'paul@example.org': '550 5.1.1 No such user' } as const;
      await double.behave({ kind: 'recipients-refused', replies }, staged.behaviour);

      const answer = await route.send(aDelivery({ to: ['marie@example.org', 'paul@example.org'] }));

      expect(answer).toMatchObject({
        kind: 'failed',
        failure: { class: staged.class },
        failed: ['marie@example.org'],
        refused: [{ address: 'paul@example.org', failure: { class: 'rejected' } }],
      });
    },
  );

  it.each(['close', 'reset'] as const)(
    'sends once over a new connection where a kept one went away by %s',
    async (by) => {
      await double.behave({ kind: 'drops-idle', by, when: 'next-command' });

      const first = await route.send(aDelivery());
      const second = await route.send(aDelivery());

      expect([first.kind, second.kind]).toEqual(['taken', 'taken']);
      expect(double.mails).toHaveLength(2);
    },
  );

  it('takes the server back after an outage', async () => {
    await double.behave({ kind: 'refused' });
    expect((await route.send(aDelivery())).kind).toBe('failed');
    await double.behave({ kind: 'healthy' });

    expect((await route.send(aDelivery())).kind).toBe('taken');
  });

  it('lets a send under way finish before it closes', async () => {
    await double.behave({ kind: 'slow', bytesPerSecond: 500 });
    const sending = route.send(aDelivery());
    await double.reached('data');

    await route.close();

    expect((await sending).kind).toBe('taken');
  });

  it('sends over implicit TLS', async () => {
    const implicit = await startSmtpDouble({ implicitTls: true });
    const secure = new SmtpPoolRoute({ ...smtpSettingsFor(implicit), secure: true });

    const answer = await secure.send(aDelivery());
    await secure.close();
    await implicit.close();

    expect(answer.kind).toBe('taken');
    expect(implicit.mails[0]?.secure).toBe(true);
  });

  it('signs in where it has a name and a password', async () => {
    await double.behave({ kind: 'auth-required', account: { user: 'api', pass: 'right' } });
    const signing = new SmtpPoolRoute({ ...smtpSettingsFor(double), user: 'api', password: 'right' });

    const answer = await signing.send(aDelivery());
    await signing.close();

    expect(answer.kind).toBe('taken');
    expect(double.mails[0]?.user).toBe('api');
  });

  it('sends through a server without PIPELINING, 8BITMIME and SMTPUTF8', async () => {
    await double.behave({ kind: 'without', extensions: ['PIPELINING', '8BITMIME', 'SMTPUTF8'] });

    expect((await route.send(aDelivery())).kind).toBe('taken');
  });
});
