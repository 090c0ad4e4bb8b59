import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SmtpPoolRoute } from '../../../lib/adapters/smtp/smtp-pool-route.ts';
import { issueCertificates } from '../../../lib/emulators/smtp/certificates.ts';
import { type SmtpDouble, startSmtpDouble } from '../../../lib/emulators/smtp/smtp-double.ts';
import { aDelivery } from '../../support/a-delivery.ts';
import { canRunPostfix, type Postfix, type PostfixOptions, startPostfix } from '../../support/postfix.ts';
import { smtpSettingsFor } from '../../support/smtp-settings-for.ts';

// On a build server a missing Postfix is an error of the set-up; on a laptop it only means fewer tests.
if (process.env.CI === 'true' && !canRunPostfix)
  throw new Error('CI has no Postfix, or does not run as root');
if (!canRunPostfix)
  console.warn('Skipped: a real Postfix as the SMTP peer (needs root and the package postfix).');

(canRunPostfix ? describe : describe.skip)('the SMTP route against a real Postfix', () => {
  let sink: SmtpDouble;
  let postfix: Postfix;
  let route: SmtpPoolRoute;

  async function start(options: Omit<PostfixOptions, 'relayPort'> = {}): Promise<void> {
    postfix = await startPostfix({ relayPort: sink.port, ...options });
    const { host, port } = postfix;
    route = new SmtpPoolRoute({
      ...smtpSettingsFor(sink),
      host,
      port,
      // Its daemons start with the first mail, which takes seconds on a busy machine.
      connectTimeoutMs: 20_000,
      greetingTimeoutMs: 20_000,
      socketTimeoutMs: 20_000,
      sendTimeoutMs: 30_000,
    });
  }

  beforeEach(async () => {
    sink = await startSmtpDouble();
  });

  afterEach(async () => {
    await route.close();
    postfix.remove();
    await sink.close();
  });

  it('is accepted, and Postfix relays the same bytes', async () => {
    await start();
    const delivery = aDelivery();

    const result = await route.send(delivery);
    const relayed = await sink.waitFor(({ to }) => to.includes('marie@example.org'), {
      signal: AbortSignal.timeout(20_000),
    });

    expect(result).toMatchObject({
      kind: 'taken',
      taken: { response: expect.stringMatching(/^250 2\.0\.0 Ok: queued as /) },
    });
    // Postfix prepends its own Received header.
    expect(relayed.raw.subarray(-delivery.mime.length).equals(delivery.mime)).toBe(true);
  });

  it('is unreachable while Postfix is stopped, and accepted after a restart', async () => {
    await start();
    expect((await route.send(aDelivery())).kind).toBe('taken');
    postfix.stop();
    expect(await route.send(aDelivery())).toMatchObject({
      failure: { class: 'unreachable', code: 'ECONNREFUSED' },
    });
    postfix.start();

    expect((await route.send(aDelivery())).kind).toBe('taken');
  });

  it('is rejected if Postfix denies relaying', async () => {
    await start({ relay: 'denied' });

    expect(await route.send(aDelivery())).toMatchObject({
      kind: 'failed',
      failure: {
        class: 'rejected',
        enhancedStatus: '5.7.1',
        response: expect.stringContaining('Relay access denied'),
      },
      refused: [{ address: 'marie@example.org' }],
    });
  });

  it('is rejected over the size limit of Postfix', async () => {
    await start({ messageSizeLimit: 20_000 });
    const mime = Buffer.concat([aDelivery().mime, Buffer.alloc(30_000, 'a line of a letter\r\n')]);

    expect(await route.send(aDelivery({ mime }))).toMatchObject({
      kind: 'failed',
      failure: { class: 'rejected' },
    });
  });

  it('fails by TLS if the certificate of Postfix is not trusted, and is accepted if it is', async () => {
    const certificate = (await issueCertificates(new Date())).valid;
    await start({ certificate });
    const settings = {
      ...smtpSettingsFor(sink, {}),
      host: postfix.host,
      port: postfix.port,
      connectTimeoutMs: 5_000,
    };
    const untrusting = new SmtpPoolRoute(settings);
    const trusting = new SmtpPoolRoute({ ...settings, tlsCa: certificate.certificatePem });

    const results = [await untrusting.send(aDelivery()), await trusting.send(aDelivery())];
    await Promise.all([untrusting.close(), trusting.close()]);

    expect(results).toMatchObject([
      { kind: 'failed', failure: { class: 'tls', phase: 'tls' } },
      { kind: 'taken' },
    ]);
  });
});
