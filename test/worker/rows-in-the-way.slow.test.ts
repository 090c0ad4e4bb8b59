import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import { createWorker } from '../../lib/worker/create-worker.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { type OutboxDatabase, OutboxServer } from '../support/outbox-database.ts';
import { smtpSettingsFor } from '../support/smtp-settings-for.ts';

describe('rows in the way of others', () => {
  let server: OutboxServer;
  let database: OutboxDatabase;
  let aws: SqsAndS3;
  let smtp: SmtpDouble;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    server = await OutboxServer.start();
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
  });

  afterAll(async () => {
    await aws.close();
    await server.close();
  });

  beforeEach(async () => {
    database = await server.database();
    smtp = await startSmtpDouble();
  });

  afterEach(async () => {
    await stop();
    await smtp.close();
    await database.close();
  });

  function work({ statementTimeoutMs = 10_000 } = {}): void {
    const mailer = createMailer({
      smtp: { ...smtpSettingsFor(smtp), maxConnections: 2 },
      fallback: fallbackSettingsFor(aws),
    });
    const outbox = database.outbox({ statementTimeoutMs });
    const worker = createWorker({ outbox, mailer, tuning: { concurrency: 4 } });
    worker.start();
    stop = async () => {
      await worker.drain(20_000);
      await mailer.close();
    };
  }

  it('that together take longer than a statement may are failed one by one, and the others go out', async () => {
    const rows = 24;
    await database.query(
      `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, created_at, mail)
       SELECT 'huge-' || n, 'tenant-1', 'email', 'queued', now() - interval '1 hour', jsonb_build_object(
         'to', 'marie@example.org', 'text', repeat('x', 12000000)
       ) FROM generate_series(1, ${rows}) n`,
    );
    await database.insert({ id: 'small' });
    work({ statementTimeoutMs: 1_000 });
    await smtp.waitFor(({ raw }) => raw.includes('It is on its way.'));

    let failed: { last_error: string }[] = [];
    while (failed.length < rows) {
      failed = await database.query<{ last_error: string }>(
        `SELECT last_error FROM outbound_deliveries WHERE status = 'failed'`,
      );
    }
    expect([...new Set(failed.map(({ last_error }) => last_error))]).toEqual([
      expect.stringMatching(/^invalid: from/),
    ]);
  });

  it('are overtaken by urgent ones, although they were claimed before', async () => {
    // A mail takes about a third of a second, and two are sent at a time.
    await smtp.behave({ kind: 'slow', bytesPerSecond: 1_500 });
    await database.insert(...Array.from({ length: 80 }, (_, n) => ({ id: `normal-${n}` })));
    work();
    await smtp.waitFor(() => true);
    const before = smtp.mails.length;
    await database.insert({ id: 'urgent', priority: 10, target_address: 'urgent@example.org' });
    await smtp.waitFor(({ to }) => to.includes('urgent@example.org'));

    // Four were in flight, and a few more began before it was noticed; 60 were claimed.
    expect(smtp.mails.length - before).toBeLessThan(15);
  });
});
