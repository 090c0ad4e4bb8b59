import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from 'pg';
import { DELIVERY_TAGS } from '../../lib/domain/send-batch.ts';
import { type LocalBackend, startLocalBackend } from '../../lib/emulators/backend.ts';
import type { SmtpBehaviour } from '../../lib/emulators/smtp/smtp-behaviour.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { WorkerProcess } from '../../lib/emulators/worker-process.ts';
import { createSmtpRelay, type SmtpRelay } from '../../lib/relay/create-relay.ts';
import {
  type OutboxDatabase,
  OutboxServer,
  openSession,
  type StoredRow,
} from '../support/outbox-database.ts';
import { canRunPostfix, type Postfix, startPostfix } from '../support/postfix.ts';
import { relaySettingsFor } from '../support/relay-bench.ts';

if (process.env.CI === 'true' && !canRunPostfix)
  throw new Error('CI has no Postfix, or does not run as root');
if (!canRunPostfix) console.warn('Skipped: rows that Postfix cannot deliver (needs root and Postfix).');

const KEY = 'a key for tests that nobody guesses 1';
const MARIE = 'marie@example.org';
const BOUNCES = 'bounce@simulator.amazonses.com';

interface Trace {
  readonly attempts: readonly {
    readonly outcome: string;
    readonly reason?: string;
    readonly queue?: { readonly recipients: readonly string[] };
  }[];
}

const rescuedIn = ({ attempts }: Trace) => attempts.slice(1);

(canRunPostfix ? describe : describe.skip)(
  'a row whose mail the mail server accepts, and cannot deliver',
  () => {
    let backend: LocalBackend;
    let server: OutboxServer;
    let database: OutboxDatabase;
    /** Hears of each change of a row. */
    let listener: Client;
    let recipients: SmtpDouble;
    let relay: SmtpRelay;
    let postfix: Postfix;
    let worker: WorkerProcess;

    beforeAll(async () => {
      [backend, server, recipients] = await Promise.all([
        startLocalBackend({ eventWaitSeconds: { least: 1, default: 1, most: 2 }, feedbackWindowSeconds: 1 }),
        OutboxServer.start(),
        startSmtpDouble(),
      ]);
      const { aws, receipts, fromDomain } = backend.services;
      database = await server.database();
      await database.query(`
      CREATE FUNCTION notify_changed() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('test_changed', ''); RETURN NULL; END $$;
      CREATE TRIGGER notify_changed AFTER UPDATE ON outbound_deliveries
        FOR EACH STATEMENT EXECUTE FUNCTION notify_changed();`);
      listener = await openSession(database.connectionString);
      await listener.query('LISTEN test_changed');
      const { fallback } = relaySettingsFor(aws);
      relay = createSmtpRelay(
        relaySettingsFor(aws, {
          idKeys: [KEY],
          fallback: { ...fallback, domain: fromDomain, urgentQueueUrl: aws.urgent.url },
        }),
      );
      const { port } = await relay.start();
      postfix = await startPostfix({
        relayPort: recipients.port,
        settings: {
          smtp_fallback_relay: `[127.0.0.1]:${port}`,
          smtp_tls_security_level: 'none',
          smtp_destination_recipient_limit: '1',
        },
      });
      worker = await WorkerProcess.start({
        environment: {
          DATABASE_URL: database.connectionString,
          SMTP_HOST: postfix.host,
          SMTP_PORT: String(postfix.port),
          MAIL_ID_KEY: KEY,
          FALLBACK_QUEUE_URL: aws.fallback.url,
          FALLBACK_URGENT_QUEUE_URL: aws.urgent.url,
          PAYLOAD_BUCKET: aws.bucket,
          RECEIPTS_QUEUE_URL: receipts.url,
          MAIL_DOMAIN: fromDomain,
          AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
          AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
          AWS_ENDPOINT_URL_SQS: aws.endpoint,
          AWS_ENDPOINT_URL_S3: aws.endpoint,
        },
      });
    });

    afterAll(async () => {
      await worker.stop();
      postfix.remove();
      await relay.drain(500);
      await listener.end();
      await database.close();
      await Promise.all([backend.close(), server.close(), recipients.close()]);
    });

    beforeEach(() => recipients.behave({ kind: 'healthy' }));

    const mailTo = (to: readonly string[]) => ({
      from: `support@${backend.services.fromDomain}`,
      to,
      subject: 'Your order',
      text: 'It is on its way.',
    });

    /** Inserts a row, and waits until it says what the test is about. */
    async function rowOf(
      to: readonly string[],
      isDone: (row: StoredRow) => boolean,
      priority = 0,
    ): Promise<StoredRow & { readonly delivery_trace: Trace }> {
      const [id = ''] = await database.insert({ mail: mailTo(to), provider: 'smtp', priority });
      for (;;) {
        const changed = new Promise((resolve) => {
          listener.once('notification', resolve);
        });
        const row = await database.row(id);
        if (isDone(row)) return row as StoredRow & { readonly delivery_trace: Trace };
        await changed;
      }
    }

    /** Each recipient may have receipts before the other one has any. */
    const hasRescued = (row: StoredRow, count: number) =>
      rescuedIn(row.delivery_trace as Trace).flatMap(({ queue }) => queue?.recipients ?? []).length === count;

    const bySes = (status: string) => (row: StoredRow) => row.provider === 'ses' && row.status === status;

    it('says by smtp that it is delivered, if nothing goes wrong', async () => {
      const row = await rowOf([MARIE], ({ status }) => status === 'delivered');

      expect(row.provider).toBe('smtp');
      expect(row.delivery_trace.attempts).toMatchObject([{ outcome: 'taken' }]);
    });

    it.each<[string, SmtpBehaviour, number]>([
      ['refuses connections', { kind: 'refused' }, 0],
      ['greylists an urgent one', { kind: 'relay-denied', reply: '451 4.7.1 Greylisted' }, 1],
    ])(
      'is sent by SES once, and the row and its trace say so, if the recipient server %s',
      async (_, behaviour, priority) => {
        await recipients.behave(behaviour);

        const row = await rowOf(
          [MARIE, 'paul@example.org'],
          (seen) => bySes('delivered')(seen) && hasRescued(seen, 2),
          priority,
        );

        const sent = backend.services.ses.mails.filter(
          ({ tags }) => tags[DELIVERY_TAGS.deliveryId] === row.id,
        );
        expect(sent.flatMap((mail) => mail.recipients).sort()).toEqual([MARIE, 'paul@example.org']);
        expect(row.last_error).toBeNull();
        const { attempts } = row.delivery_trace;
        expect(attempts[0]).toMatchObject({ outcome: 'taken' });
        const rescued = rescuedIn(row.delivery_trace);
        expect(rescued.flatMap(({ queue }) => queue?.recipients ?? []).sort()).toEqual([
          MARIE,
          'paul@example.org',
        ]);
        for (const attempt of rescued)
          expect(attempt).toMatchObject({
            outcome: 'handed-over',
            reason: 'SMTP had accepted it; receipts tell that it was handed over after that',
          });
      },
    );

    it('fails if it bounces at SES', async () => {
      await recipients.behave({ kind: 'refused' });

      const row = await rowOf([BOUNCES], bySes('failed'));

      expect(row.last_error).toMatch(/bounce/i);
      expect(row.delivery_trace.attempts.map(({ outcome }) => outcome)).toEqual(['taken', 'handed-over']);
    });
  },
);
