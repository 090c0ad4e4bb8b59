import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { FallbackMessage } from '../../lib/domain/fallback-message.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import type { SmtpBehaviour } from '../../lib/emulators/smtp/smtp-behaviour.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import { createSmtpRelay, type SmtpRelay } from '../../lib/relay/create-relay.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { canRunPostfix, type Postfix, startPostfix } from '../support/postfix.ts';
import { takeEnvelopes } from '../support/queue-contents.ts';
import { mimeOf, RawSmtpClient, relaySettingsFor } from '../support/relay-bench.ts';

if (process.env.CI === 'true' && !canRunPostfix)
  throw new Error('CI has no Postfix, or does not run as root');
if (!canRunPostfix)
  console.warn('Skipped: a real Postfix with the relay behind it (needs root and the package postfix).');

const KEY = 'a key for tests that nobody guesses 1';
const TO = ['marie@example.org', 'paul@example.org', 'eve@example.org'];
const MESSAGE =
  'From: Shop <shop@keybuzz.io>\r\nTo: marie@example.org\r\nSubject: Order\r\n' +
  'Message-ID: <order-1@keybuzz.io>\r\n\r\nIt is on its way.\r\n.\r\n';

(canRunPostfix ? describe : describe.skip)('Postfix as mail server, with the relay behind it', () => {
  let aws: SqsAndS3;
  /** The server of the recipients. */
  let recipients: SmtpDouble;
  let relay: SmtpRelay;
  let postfix: Postfix;

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
  });
  afterAll(() => aws.close());

  beforeEach(async () => {
    recipients = await startSmtpDouble();
    relay = createSmtpRelay(relaySettingsFor(aws, { idKeys: [KEY] }));
    const { port } = await relay.start();
    postfix = await startPostfix({
      relayPort: recipients.port,
      settings: {
        smtp_fallback_relay: `[127.0.0.1]:${port}`,
        // Several sessions for one mail.
        smtp_destination_recipient_limit: '1',
        smtp_tls_security_level: 'none',
        smtp_helo_timeout: '2s',
        smtp_data_done_timeout: '2s',
        smtp_data_init_timeout: '2s',
        smtp_mail_timeout: '2s',
        minimal_backoff_time: '1s',
        maximal_backoff_time: '1s',
        queue_run_delay: '1s',
        bounce_queue_lifetime: '1s',
      },
    });
  });

  afterEach(async () => {
    aws.heal();
    postfix.remove();
    await relay.drain(500);
    await recipients.close();
    await takeEnvelopes(aws);
  });

  async function submit(to = TO): Promise<string> {
    const client = await RawSmtpClient.connect(postfix.port);
    const reply = await client.send({ from: 'shop@keybuzz.io', to }, MESSAGE);
    client.end();
    return reply;
  }

  async function handedOver(addresses: number): Promise<FallbackMessage[]> {
    const messages: FallbackMessage[] = [];
    const count = () => messages.flatMap(({ envelope }) => envelope.to).length;
    while (count() < addresses) messages.push(...(await takeEnvelopes(aws)));
    return messages;
  }

  async function untilLogged(pattern: RegExp): Promise<string> {
    for (;;) {
      const log = postfix.log();
      if (pattern.test(log)) return log;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  it.each<[string, SmtpBehaviour]>([
    ['refuses connections', { kind: 'refused' }],
    ['greylists', { kind: 'relay-denied', reply: '451 4.7.1 Greylisted' }],
    ['stalls', { kind: 'break', at: 'final-dot', by: 'stall' }],
    ['drops the connection', { kind: 'break', at: 'body', by: 'reset' }],
    ['closes within the session', { kind: 'break', at: 'mail', by: 'close' }],
  ])('a mail is rescued, once for each recipient, if their server %s', async (_, behaviour) => {
    await recipients.behave(behaviour);

    expect(await submit()).toMatch(/^250 2\.0\.0 Ok: queued/);

    const messages = await handedOver(TO.length);
    expect(messages.flatMap(({ envelope }) => envelope.to).sort()).toEqual([...TO].sort());
    // As the ledger needs it: one id, and one content.
    expect(new Set(messages.map(({ id }) => id)).size).toBe(1);
    expect(new Set(messages.map((message) => mimeOf(message).toString())).size).toBe(1);
    for (const { failure } of messages) expect(failure?.class).toBe('undelivered');
    await untilLogged(/qmgr\[\d+\]: \w+: removed/);
    expect(postfix.queue()).toEqual([]);
  });

  it('a mail that is refused for good bounces, and is not resent', async () => {
    await recipients.behave({ kind: 'relay-denied', reply: '550 5.1.1 No such user' });

    await submit(['marie@example.org']);

    await untilLogged(/status=bounced/);
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('stays in the queue of Postfix while SQS is down, and leaves it after that', async () => {
    await recipients.behave({ kind: 'refused' });
    aws.fault({ fault: { kind: 'denied' }, on: { service: 'sqs' } });

    await submit();
    await untilLogged(/status=deferred.*451 4\.3\.0 the fallback did not either/);
    expect(postfix.queue()).toHaveLength(1);
    aws.heal();
    postfix.flush();

    const messages = await handedOver(TO.length);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(1);
    await untilLogged(/qmgr\[\d+\]: \w+: removed/);
  });

  it('a mail of a mailer of ours keeps its id and its bytes', async () => {
    await recipients.behave({ kind: 'refused' });
    const mailer = createMailer({
      smtp: {
        host: postfix.host,
        port: postfix.port,
        socketTimeoutMs: 20_000,
        greetingTimeoutMs: 20_000,
        connectTimeoutMs: 20_000,
      },
      fallback: fallbackSettingsFor(aws),
      idKeys: [KEY],
    });
    const mail = {
      id: 'row-17',
      from: 'Zoë <shop@keybuzz.io>',
      to: TO,
      bcc: 'hidden@example.org',
      subject: 'Bestätigung',
      text: 'Grüße\n.\n..\nFrom here',
      attachments: [{ filename: 'a.bin', content: Buffer.alloc(50_000, 7) }],
      date: new Date(0),
    };
    const composed = await mailer.compose({ ...mail, messageId: '<row-17@keybuzz.io>' });
    if (composed.kind !== 'delivery') throw new Error(composed.detail);
    expect((await mailer.deliver(composed.delivery)).kind).toBe('taken');
    await mailer.close();

    const messages = await handedOver(TO.length + 1);

    for (const message of messages) {
      expect(message.id).toBe('row-17');
      expect(mimeOf(message).equals(composed.delivery.mime)).toBe(true);
    }
  });
});
