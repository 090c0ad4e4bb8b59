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

  it('sends the composed bytes unchanged, including leading dots', async () => {
    const delivery = aDelivery();

    const result = await route.send(delivery);

    expect(result).toMatchObject({
      kind: 'taken',
      taken: { recipients: ['marie@example.org'] },
      refused: [],
    });
    expect(double.mails[0]?.raw.equals(delivery.mime)).toBe(true);
    expect(double.mails[0]?.secure).toBe(true);
  });

  it.each(STAGED_FAILURES)('classifies "$name" as $class in phase $phase', async (staged) => {
    await double.behave(...staged.behaviours);
    const failing = new SmtpPoolRoute(smtpSettingsFor(double, staged.smtp ?? {}));

    const result = await failing.send(aDelivery());
    await failing.close();

    expect(result.kind).toBe('failed');
    if (result.kind !== 'failed') return;
    expect({ class: result.failure.class, phase: result.failure.phase }).toEqual({
      class: staged.class,
      phase: staged.phase,
    });
    expect(double.mails).toHaveLength(0);
  });

  it('classifies a break within a large body as unknown', async () => {
    const mime = Buffer.concat([aDelivery().mime, Buffer.alloc(5_000_000, 'kilo mike\r\n')]);
    await double.behave({ kind: 'break', at: 'body', by: 'reset', afterBytes: 10 });

    const result = await route.send(aDelivery({ mime }));

    expect(result).toMatchObject({ kind: 'failed', failure: { class: 'unknown', phase: 'data' } });
  });

  it('keeps the response of the server', async () => {
    await double.behave({ kind: 'relay-denied' });

    const result = await route.send(aDelivery());

    expect(result).toMatchObject({
      kind: 'failed',
      failed: [],
      refused: [{ address: 'marie@example.org', failure: { class: 'rejected', command: 'RCPT TO' } }],
      failure: { response: expect.stringContaining('554 5.7.1'), enhancedStatus: '5.7.1' },
    });
  });

  it('names the rejected recipients out of several', async () => {
    await double.behave({
      kind: 'recipients-refused',
      replies: { 'paul@example.org': '550 5.1.1 No such user' },
    });

    const result = await route.send(aDelivery({ to: ['marie@example.org', 'paul@example.org'] }));

    expect(result).toMatchObject({
      kind: 'taken',
      taken: { recipients: ['marie@example.org'] },
      refused: [{ address: 'paul@example.org', failure: { class: 'rejected', enhancedStatus: '5.1.1' } }],
    });
  });

  const dataFailures = [
    {
      name: 'is rejected with 4xx',
      behaviour: { kind: 'final-reply', reply: '452 4.3.1 Full' },
      class: 'deferred',
    },
    {
      name: 'is rejected with 5xx',
      behaviour: { kind: 'final-reply', reply: '554 5.6.0 Spam' },
      class: 'rejected',
    },
    { name: 'ends in a reset', behaviour: { kind: 'break', at: 'final-dot', by: 'reset' }, class: 'unknown' },
    {
      name: 'gets no response',
      behaviour: { kind: 'break', at: 'final-dot', by: 'stall' },
      class: 'unknown',
    },
    {
      name: 'is not accepted',
      behaviour: { kind: 'data-refused', reply: '451 4.3.0 No' },
      class: 'deferred',
    },
  ] as const;

  it.each(dataFailures)(
    'loses no recipient if some were rejected and then the data $name',
    async (staged) => {
      const replies = { 'paul@example.org': '550 5.1.1 No such user' } as const;
      await double.behave({ kind: 'recipients-refused', replies }, staged.behaviour);

      const result = await route.send(aDelivery({ to: ['marie@example.org', 'paul@example.org'] }));

      expect(result).toMatchObject({
        kind: 'failed',
        failure: { class: staged.class },
        failed: ['marie@example.org'],
        refused: [{ address: 'paul@example.org', failure: { class: 'rejected' } }],
      });
    },
  );

  it.each(['close', 'reset'] as const)(
    'sends once over a new connection if an idle one was ended by %s',
    async (by) => {
      await double.behave({ kind: 'drops-idle', by, when: 'next-command' });

      const first = await route.send(aDelivery());
      const second = await route.send(aDelivery());

      expect([first.kind, second.kind]).toEqual(['taken', 'taken']);
      expect(double.mails).toHaveLength(2);
    },
  );

  it('uses the server again after an outage', async () => {
    await double.behave({ kind: 'refused' });
    expect((await route.send(aDelivery())).kind).toBe('failed');
    await double.behave({ kind: 'healthy' });

    expect((await route.send(aDelivery())).kind).toBe('taken');
  });

  it('finishes a send in progress before it closes', async () => {
    await double.behave({ kind: 'slow', bytesPerSecond: 500 });
    const sending = route.send(aDelivery());
    await double.reached('data');

    await route.close();

    expect((await sending).kind).toBe('taken');
  });

  it('sends over implicit TLS', async () => {
    const implicit = await startSmtpDouble({ implicitTls: true });
    const secure = new SmtpPoolRoute({ ...smtpSettingsFor(implicit), secure: true });

    const result = await secure.send(aDelivery());
    await secure.close();
    await implicit.close();

    expect(result.kind).toBe('taken');
    expect(implicit.mails[0]?.secure).toBe(true);
  });

  it('authenticates if it has a name and a password', async () => {
    await double.behave({ kind: 'auth-required', account: { user: 'api', pass: 'right' } });
    const signing = new SmtpPoolRoute({ ...smtpSettingsFor(double), user: 'api', password: 'right' });

    const result = await signing.send(aDelivery());
    await signing.close();

    expect(result.kind).toBe('taken');
    expect(double.mails[0]?.user).toBe('api');
  });

  it('sends through a server without PIPELINING, 8BITMIME and SMTPUTF8', async () => {
    await double.behave({ kind: 'without', extensions: ['PIPELINING', '8BITMIME', 'SMTPUTF8'] });

    expect((await route.send(aDelivery())).kind).toBe('taken');
  });
});
