/** What the cases of the worker alone have in common: rows, worker processes, and an account of what came out. */
import { setTimeout as delay } from 'node:timers/promises';
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { Pool } from 'pg';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { type FallbackMessage, parseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { headerValues } from '../../lib/domain/mime-headers.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type EmbeddedPostgres, startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import type { ReceivedMail } from '../../lib/emulators/smtp/received-mail.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { WorkerProcess } from '../../lib/emulators/worker-process.ts';
import { say } from './report.ts';
import { workerEnvironment } from './worker-environment.ts';

const PATIENCE_MS = 30 * 60_000;

/** Rows in a table, worker processes, and the servers they talk to. */
export class OutboxUnderTest {
  readonly rows: number;
  readonly postgres: EmbeddedPostgres;
  readonly pool: Pool;
  readonly smtp: SmtpDouble;
  readonly aws: SqsAndS3;

  private constructor(
    rows: number,
    { postgres, smtp, aws }: { postgres: EmbeddedPostgres; smtp: SmtpDouble; aws: SqsAndS3 },
  ) {
    this.rows = rows;
    this.postgres = postgres;
    this.smtp = smtp;
    this.aws = aws;
    this.pool = new Pool({ connectionString: postgres.connectionString, max: 2 });
    // The server may be stopped on purpose.
    this.pool.on('error', () => {});
  }

  /** With its rows inserted. */
  static async start(rows: number): Promise<OutboxUnderTest> {
    const postgres = await startPostgres();
    await migrate({ connectionString: postgres.connectionString });
    const outbox = new OutboxUnderTest(rows, {
      postgres,
      smtp: await startSmtpDouble(),
      aws: await startSqsAndS3({ visibilitySeconds: 3600 }),
    });
    await outbox.pool.query(
      `INSERT INTO outbound_deliveries
         (id, tenant_id, provider, status, attempt_count, created_at, target_address, delivery_trace)
       SELECT 'chaos-' || n, 'tenant-' || n % 20, 'smtp', 'queued', 0, now(), 'buyer-' || n || '@example.org',
         jsonb_build_object('fromAddress', 'support@keybuzz.io', 'emailSubject', 'chaos-' || n, 'emailBody', 'Hello.')
       FROM generate_series(1, $1) n`,
      [rows],
    );
    return outbox;
  }

  startWorker(settings: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> {
    const { postgres, smtp, aws } = this;
    return WorkerProcess.start({
      environment: {
        ...workerEnvironment({ databaseUrl: postgres.connectionString, smtp, aws }),
        ...settings,
      },
    });
  }

  /** The rows that are not finished; undefined while the database is away. */
  async left(): Promise<number | undefined> {
    const counted = await this.pool
      .query<{ left: number }>(
        `SELECT count(*)::int AS left FROM outbound_deliveries WHERE status = 'queued' OR lease_owner IS NOT NULL`,
      )
      .catch(() => undefined);
    return counted?.rows[0]?.left;
  }

  /** @returns false if it takes too long */
  async untilSettled(): Promise<boolean> {
    const end = performance.now() + PATIENCE_MS;
    while (performance.now() < end) {
      const left = await this.left();
      if (left !== undefined) say(`  ${this.rows - left} of ${this.rows} rows settled`);
      if (left === 0) return true;
      await delay(2_000);
    }
    return false;
  }

  /** Empties the queue. What came out more than once, and why, is for the caller to judge. */
  async countArrivals(): Promise<{ arrivals: Map<string, Arrivals>; differentMails: ReadonlySet<string> }> {
    const envelopes = await drainQueue(this.aws);
    return {
      arrivals: countArrivals(this.rows, this.smtp, envelopes),
      differentMails: idsOfDifferentMails(envelopes),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.pool.end(), this.smtp.close(), this.aws.close()]);
    await this.postgres.close();
  }
}

export function totalOf(arrivals: ReadonlyMap<string, Arrivals>, kind: keyof Arrivals): number {
  return [...arrivals.values()].reduce((sum, one) => sum + one[kind], 0);
}

async function drainQueue({ sqs, fallback }: SqsAndS3): Promise<FallbackMessage[]> {
  const envelopes: FallbackMessage[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: fallback.url, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return envelopes;
    envelopes.push(...Messages.map(envelopeOf));
    const entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: fallback.url, Entries: entries }));
  }
}

function envelopeOf({ Body = '' }: Message): FallbackMessage {
  const parsed = parseFallbackMessage(Body);
  if (parsed.kind !== 'message') throw new Error(`the queue holds no envelope: ${parsed.detail}`);
  return parsed.message;
}

/** The subject of these mails is their row id. */
const idOf = ({ raw }: ReceivedMail) => headerValues(raw, 'subject')[0] ?? '';

export interface Arrivals {
  /** Got a 250 response. */
  taken: number;
  /** Received completely, but the connection was cut before the response: the sender cannot know. */
  unanswered: number;
  queued: number;
}

function countArrivals(
  rows: number,
  smtp: SmtpDouble,
  envelopes: readonly FallbackMessage[],
): Map<string, Arrivals> {
  const arrivals = new Map<string, Arrivals>();
  for (let row = 1; row <= rows; row += 1)
    arrivals.set(`chaos-${row}`, { taken: 0, unanswered: 0, queued: 0 });
  const count = (id: string, kind: keyof Arrivals) => {
    const found = arrivals.get(id);
    if (found === undefined) throw new Error(`a mail of no row came out: ${id}`);
    found[kind] += 1;
  };
  for (const mail of smtp.mails) count(idOf(mail), 'taken');
  for (const mail of smtp.unanswered) count(idOf(mail), 'unanswered');
  for (const { id } of envelopes) count(id, 'queued');
  return arrivals;
}

/** If two envelopes with one id differ, they cannot be recognised as duplicates. */
function idsOfDifferentMails(envelopes: readonly FallbackMessage[]): Set<string> {
  const first = new Map<string, string>();
  const different = new Set<string>();
  for (const { id, content } of envelopes) {
    const bytes = JSON.stringify(content);
    if ((first.get(id) ?? bytes) !== bytes) different.add(id);
    first.set(id, bytes);
  }
  return different;
}
