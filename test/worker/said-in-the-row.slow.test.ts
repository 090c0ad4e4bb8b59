import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import type { Mailer } from '../../lib/mailer/mailer.ts';
import { silentObserver } from '../../lib/ports/outbox.ts';
import { silentLog, systemClock } from '../../lib/ports/runtime.ts';
import { attempt } from '../../lib/worker/attempt.ts';
import { toCompletion } from '../../lib/worker/process-claim.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { type OutboxDatabase, type OutboxRow, OutboxServer } from '../support/outbox-database.ts';
import { smtpSettingsFor } from '../support/smtp-settings-for.ts';

const MAIL = { from: 'support@keybuzz.io', to: 'marie@example.org', subject: 'Your order', text: 'It left.' };

describe('what a row says after an attempt', () => {
  let server: OutboxServer;
  let database: OutboxDatabase;
  let aws: SqsAndS3;
  let smtp: SmtpDouble;
  let mailer: Mailer;
  beforeAll(async () => {
    [server, aws, smtp] = await Promise.all([
      OutboxServer.start(),
      startSqsAndS3({ visibilitySeconds: 30 }),
      startSmtpDouble(),
    ]);
    database = await server.database();
    mailer = createMailer({ smtp: smtpSettingsFor(smtp), fallback: fallbackSettingsFor(aws) });
  });
  afterAll(async () => {
    await mailer.close();
    await database.close();
    await Promise.all([server.close(), aws.close(), smtp.close()]);
  });

  /** Claims the row, sends its mail, and completes it as the worker does. */
  async function settled(row: OutboxRow) {
    const [id = ''] = await database.insert(row);
    const outbox = database.outbox();
    const [claim] = await outbox.claim({ limit: 1, leaseMs: 60_000, route: 'smtp' });
    if (claim === undefined) throw new Error('nothing was claimed');
    const clock = systemClock;
    const result = await attempt(claim, 'smtp', { mailer, observer: silentObserver, log: silentLog, clock });
    if (result.kind !== 'tried') throw new Error('the mail was not read');
    const facts = { at: clock.now(), durationMs: 1, worker: 'w', retryAfterMs: 3_600_000 };
    await outbox.complete([toCompletion(claim, result, facts)]);
    return database.row(id);
  }

  it('names the recipients that can never be sent to, masked, although the others have the mail', async () => {
    const row = await settled({ mail: { ...MAIL, cc: ['root.secret@localhost', 'clara@example.org'] } });

    expect(row).toMatchObject({
      status: 'delivered',
      last_error:
        'not sent to r***@localhost: its domain is no name with a top-level domain, such as example.org',
    });
    expect(row.delivery_trace).toMatchObject({
      attempts: [
        {
          outcome: 'taken',
          smtp: { recipients: ['marie@example.org', 'clara@example.org'] },
          refused: [{ address: 'root.secret@localhost', detail: expect.any(String) }],
        },
      ],
    });
  });

  it('sends to the others if an item of a list is no address', async () => {
    const row = await settled({ mail: { ...MAIL, cc: ['paul.secret at example.org', 'clara@example.org'] } });

    expect(row).toMatchObject({
      status: 'delivered',
      last_error: 'not sent to ***: an address, with or without a name, on one line',
    });
    expect(smtp.mails.at(-1)?.to).toEqual(['marie@example.org', 'clara@example.org']);
  });

  it('says nothing if all have it', async () => {
    expect(await settled({ mail: MAIL })).toMatchObject({ status: 'delivered', last_error: null });
  });

  it('fails if none can be sent to, and says which', async () => {
    const row = await settled({ mail: { ...MAIL, to: ['root.secret@localhost', 'paul@exa..mple'] } });

    expect(row).toMatchObject({
      status: 'failed',
      last_error: expect.stringMatching(/to\.0 \(r\*\*\*@localhost\): .*; to\.1 \(p\*\*\*@exa\.\.mple\)/),
    });
  });

  it('has the words of the server while neither route takes the mail', async () => {
    await smtp.behave({
      kind: 'recipients-refused',
      replies: { 'marie@example.org': '554 5.7.1 <marie@example.org>: Relay access denied' },
    });
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessage' } });

    const row = await settled({ mail: MAIL });

    expect(row.status).toBe('queued');
    expect(row.last_error).toContain('SMTP: rejected: 554 5.7.1 <m***@example.org>: Relay access denied');
    expect(row.last_error).toContain('; fallback: queue-misconfigured: ');
  });
});
