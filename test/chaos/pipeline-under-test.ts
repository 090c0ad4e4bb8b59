/** The whole pipeline in processes of its own, each dependency behind a proxy through which faults strike. */
import { setTimeout as delay } from 'node:timers/promises';
import { GetQueueAttributesCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { Pool } from 'pg';
import { RESEND_ENV } from '../../lambda/resend/constants.ts';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import type { LocalQueue } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type LocalBackend, startLocalBackend } from '../../lib/emulators/backend.ts';
import { type EmbeddedPostgres, startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import type { LocalServices } from '../../lib/emulators/services.ts';
import { type SeededRandom, seededRandom } from '../../lib/emulators/ses/event-faults.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { WorkerProcess } from '../../lib/emulators/worker-process.ts';
import { Clocks } from './clocks.ts';
import { type ChaosMail, scriptFor, textOf } from './mails.ts';
import { SocketProxy } from './socket-proxy.ts';
import { workerEnvironment } from './worker-environment.ts';

export interface PipelineOptions {
  readonly seed: number;
  readonly workers: number;
  readonly resendFunctions: number;
  readonly feedbackFunctions: number;
}

/** Shorter than deployed: an event is there within a second, unless a fault delays it. */
const EVENT_WAIT_SECONDS = { least: 2, default: 6, most: 15 };

/** The functions' own timeout: one call of each service must fit. */
const FUNCTION_TIMEOUT_SECONDS = 60;
/**
 * How long a message of a killed function is out of sight. It is less than a function may take, so that a message may
 * also come again while the first function still works on it.
 */
const VISIBILITY_SECONDS = 15;

/** On a machine that is busy with all of this, a worker that is alive must still renew in time. */
const LEASE_MS = 8_000;
/** How soon a killed worker's mails are taken over, also after an outage of the database. */
const TAKE_OVER_DELAY_MS = 8_000;
const RETRY_MAX_MS = 5_000;

/** A machine that is busy with all of this takes a second for a TLS handshake. */
const SMTP_CONNECT_TIMEOUT_MS = 5_000;
const SMTP_GREETING_TIMEOUT_MS = 2_000;
const SMTP_SOCKET_TIMEOUT_MS = 15_000;
const SMTP_SEND_TIMEOUT_MS = 60_000;

/** Through what the workers and functions reach each dependency. */
export type Proxies = Readonly<Record<'postgres' | 'smtp' | 'sqs' | 's3' | 'dynamodb' | 'ses', SocketProxy>>;

/** One place of a worker: when its process is killed, another takes it. */
interface WorkerPlace {
  process: WorkerProcess | undefined;
  id: string;
  generations: number;
  isStarting: boolean;
}

export class PipelineUnderTest {
  readonly postgres: EmbeddedPostgres;
  /** Past the proxies, as the API and the accounting. */
  readonly pool: Pool;
  readonly smtp: SmtpDouble;
  readonly backend: LocalBackend;
  readonly proxies: Proxies;
  readonly clocks: Clocks;
  /** The mails that a worker had claimed when it was killed. */
  readonly inHandOfKilled = new Set<string>();
  readonly functionLogLines: string[] = [];
  readonly random: SeededRandom;
  readonly #workers: WorkerPlace[] = [];
  readonly #lookups = new Set<Promise<void>>();
  #closing = false;

  private constructor(
    parts: Pick<PipelineUnderTest, 'postgres' | 'smtp' | 'backend' | 'proxies' | 'clocks' | 'random'>,
  ) {
    this.postgres = parts.postgres;
    this.smtp = parts.smtp;
    this.backend = parts.backend;
    this.proxies = parts.proxies;
    this.clocks = parts.clocks;
    this.random = parts.random;
    this.pool = new Pool({ connectionString: parts.postgres.connectionString, max: 3 });
    // The server is stopped on purpose.
    this.pool.on('error', () => {});
  }

  static async start(options: PipelineOptions): Promise<PipelineUnderTest> {
    const random = seededRandom(options.seed);
    const [postgres, smtp, clocks] = await Promise.all([startPostgres(), startSmtpDouble(), Clocks.start()]);
    await migrate({ connectionString: postgres.connectionString });
    const http: Partial<Record<'sqs' | 's3' | 'dynamodb' | 'ses', SocketProxy>> = {};
    const pace = { timeoutSeconds: FUNCTION_TIMEOUT_SECONDS, visibilitySeconds: FUNCTION_TIMEOUT_SECONDS };
    const backend = await startLocalBackend({
      resend: { ...pace, concurrency: options.resendFunctions },
      feedback: { ...pace, concurrency: options.feedbackFunctions },
      eventWaitSeconds: EVENT_WAIT_SECONDS,
      feedbackWindowSeconds: 1,
      // Many recipients bounce here; what the fuse held would never drain.
      environment: { ...clocks.environment, [RESEND_ENV.reputationFuse]: 'off' },
      reached: async (services) => {
        const proxied = await behindProxies(services, random);
        Object.assign(http, proxied.proxies);
        return proxied.services;
      },
    });
    const { ses } = backend.services;
    ses.account.maxSendRate = 2_000;
    ses.account.max24HourSend = -1;
    ses.status((_mail, recipient) => scriptFor(recipient));
    const proxies: Proxies = {
      ...(http as Pick<Proxies, 'sqs' | 's3' | 'dynamodb' | 'ses'>),
      postgres: await SocketProxy.start(postgres.port, random),
      smtp: await SocketProxy.start(smtp.port, random),
    };
    const pipeline = new PipelineUnderTest({ postgres, smtp, backend, proxies, clocks, random });
    await pipeline.#shortenVisibility();
    await pipeline.#installDiskFull();
    await Promise.all(Array.from({ length: options.workers }, () => pipeline.#addWorker()));
    return pipeline;
  }

  get services(): LocalServices {
    return this.backend.services;
  }

  get workerCount(): number {
    return this.#workers.length;
  }

  workerPid(place: number): number | undefined {
    return this.#workers[place]?.process?.pid;
  }

  /** Kills (-9) the worker of this place; notes what it had in hand. */
  async killWorker(place: number): Promise<void> {
    const worker = this.#workers[place];
    if (worker?.process === undefined) return;
    const { process, id } = worker;
    worker.process = undefined;
    await process.kill();
    const lookup = this.#noteLeased(id).finally(() => this.#lookups.delete(lookup));
    this.#lookups.add(lookup);
  }

  /** Starts another process in the place of a killed one. */
  async replaceWorker(place: number): Promise<void> {
    const worker = this.#workers[place];
    // It may start already: a start takes longer than some faults.
    if (worker === undefined || worker.process !== undefined || worker.isStarting) return;
    worker.isStarting = true;
    worker.generations += 1;
    worker.id = `worker-${place}-${worker.generations}`;
    while (!this.#closing && worker.process === undefined) {
      worker.process = await this.#startWorker(worker.id).catch(() => undefined);
      if (worker.process === undefined) await delay(200);
    }
    worker.isStarting = false;
  }

  /** Inserts as the API does: again until the database has confirmed it. */
  async insert(mails: readonly ChaosMail[]): Promise<void> {
    const rows = JSON.stringify(
      mails.map((mail) => ({
        id: mail.id,
        tenant_id: mail.tenantId,
        priority: mail.priority,
        expires_after_ms: mail.expiresAfterMs,
        mail: {
          from: 'support@keybuzz.io',
          to: mail.recipients,
          subject: mail.id,
          text: textOf(mail, this.random),
        },
      })),
    );
    for (;;) {
      try {
        await this.pool.query(INSERT, [rows]);
        return;
      } catch (error) {
        if (this.#closing) throw error;
        await delay(200);
      }
    }
  }

  /** What is still on its way; undefined for what cannot be counted now. */
  async left(): Promise<Left> {
    const { aws, feedback, feedbackDeadLetters, receipts } = this.services;
    const queues = [aws.fallback, aws.urgent, feedback, receipts, aws.deadLetters, feedbackDeadLetters];
    const [rows, normal, urgent, events, theirReceipts, deadLetters, deadEvents] = await Promise.all([
      this.#rowsLeft(),
      ...queues.map((queue) => this.#inQueue(queue)),
    ]);
    return {
      rows,
      fallback: sum(normal, urgent),
      events,
      receipts: theirReceipts,
      deadLetters: sum(deadLetters, deadEvents),
    };
  }

  async #rowsLeft(): Promise<number | undefined> {
    const counted = await this.pool
      .query<{ left: number }>(
        `SELECT count(*)::int AS left FROM outbound_deliveries WHERE status = 'queued' OR lease_owner IS NOT NULL`,
      )
      .catch(() => undefined);
    return counted?.rows[0]?.left;
  }

  /** Includes messages in flight. */
  async #inQueue({ url }: LocalQueue): Promise<number | undefined> {
    const answered = await this.services.aws.sqs
      .send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }))
      .catch(() => undefined);
    if (answered?.Attributes === undefined) return undefined;
    const { Attributes } = answered;
    return COUNTS.reduce((total, name) => total + Number(Attributes[name]), 0);
  }

  /** Waits until it is known what killed workers had in hand. */
  async lookedUp(): Promise<void> {
    await Promise.all(this.#lookups);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled(this.#workers.map(({ process }) => process?.stop()));
    await Promise.allSettled([this.pool.end(), this.smtp.close(), this.backend.close()]);
    await Promise.all(Object.values(this.proxies).map((proxy) => proxy.close()));
    await this.postgres.close();
    await this.clocks.close();
  }

  async #addWorker(): Promise<void> {
    const place = this.#workers.length;
    const worker: WorkerPlace = {
      process: undefined,
      id: `worker-${place}-0`,
      generations: 0,
      isStarting: false,
    };
    this.#workers.push(worker);
    worker.process = await this.#startWorker(worker.id);
  }

  #startWorker(id: string): Promise<WorkerProcess> {
    const { proxies, smtp, services } = this;
    return WorkerProcess.start({
      environment: {
        ...workerEnvironment({
          databaseUrl: `postgresql://postgres@127.0.0.1:${proxies.postgres.port}/postgres`,
          smtp: { host: smtp.host, port: proxies.smtp.port, certificatePem: smtp.certificatePem },
          aws: services.aws,
        }),
        RECEIPTS_QUEUE_URL: services.receipts.url,
        AWS_ENDPOINT_URL_SQS: proxies.sqs.endpoint,
        AWS_ENDPOINT_URL_S3: proxies.s3.endpoint,
        SMTP_CONNECT_TIMEOUT_MS: String(SMTP_CONNECT_TIMEOUT_MS),
        SMTP_GREETING_TIMEOUT_MS: String(SMTP_GREETING_TIMEOUT_MS),
        SMTP_SOCKET_TIMEOUT_MS: String(SMTP_SOCKET_TIMEOUT_MS),
        SMTP_SEND_TIMEOUT_MS: String(SMTP_SEND_TIMEOUT_MS),
        OUTBOUND_WORKER_ID: id,
        OUTBOUND_LEASE_MS: String(LEASE_MS),
        OUTBOUND_TAKE_OVER_DELAY_MS: String(TAKE_OVER_DELAY_MS),
        OUTBOUND_RETRY_MAX_MS: String(RETRY_MAX_MS),
        ...this.clocks.environment,
      },
    });
  }

  async #noteLeased(workerId: string): Promise<void> {
    while (!this.#closing) {
      const found = await this.pool
        .query<{ id: string }>(
          // Behind the worker's id is a part that differs from process to process.
          `SELECT id FROM outbound_deliveries WHERE split_part(lease_owner, '/', 1) = $1`,
          [workerId],
        )
        .catch(() => undefined);
      if (found !== undefined) {
        for (const { id } of found.rows) this.inHandOfKilled.add(id);
        return;
      }
      await delay(50);
    }
  }

  async #shortenVisibility(): Promise<void> {
    const { aws, feedback } = this.services;
    for (const { url } of [aws.fallback, aws.urgent, feedback]) {
      const Attributes = { VisibilityTimeout: String(VISIBILITY_SECONDS) };
      await aws.sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes }));
    }
  }

  /**
   * What PostgreSQL answers when its disk is full, without filling one: a trigger that raises the same SQLSTATE, on as
   * long as the setting `chaos.disk_full` says so.
   */
  async #installDiskFull(): Promise<void> {
    await this.pool.query(DISK_FULL);
  }
}

/** What is on its way, counted. */
export interface Left {
  readonly rows: number | undefined;
  readonly fallback: number | undefined;
  readonly events: number | undefined;
  readonly receipts: number | undefined;
  readonly deadLetters: number | undefined;
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other;
}

const COUNTS = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const;

const INSERT = `
INSERT INTO outbound_deliveries (id, tenant_id, provider, status, priority, expires_at, mail)
SELECT id, tenant_id, 'smtp', 'queued', priority, now() + make_interval(secs => expires_after_ms / 1000.0), mail
FROM jsonb_to_recordset($1::jsonb)
  AS r (id text, tenant_id text, priority smallint, expires_after_ms float8, mail jsonb)
ON CONFLICT (id) DO NOTHING`;

const DISK_FULL = `
CREATE FUNCTION chaos_disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'could not extend file "base/5/16384": No space left on device'
    USING ERRCODE = 'disk_full', HINT = 'Check free disk space.';
END
$$;
CREATE TRIGGER chaos_disk_full BEFORE INSERT OR UPDATE ON outbound_deliveries
  FOR EACH STATEMENT WHEN (current_setting('chaos.disk_full', true) = 'on')
  EXECUTE FUNCTION chaos_disk_full()`;

/** The services as the functions reach them: each through a proxy of its own. */
async function behindProxies(services: LocalServices, random: SeededRandom) {
  const { aws, dynamoDb, ses } = services;
  const portOf = (url: string) => Number(new URL(url).port);
  const proxies = {
    sqs: await SocketProxy.start(portOf(aws.endpoint), random),
    s3: await SocketProxy.start(portOf(aws.endpoint), random),
    dynamodb: await SocketProxy.start(portOf(dynamoDb.endpoint), random),
    ses: await SocketProxy.start(portOf(ses.url), random),
  };
  return {
    proxies,
    services: {
      ...services,
      // The functions have one endpoint for both; S3's own proxy is for the workers.
      aws: { ...aws, endpoint: proxies.sqs.endpoint },
      dynamoDb: { ...dynamoDb, endpoint: proxies.dynamodb.endpoint },
      ses: { ...ses, url: proxies.ses.endpoint },
    },
  };
}
