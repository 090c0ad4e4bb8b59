import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import { sessionSettings } from '../adapters/postgres/connection.ts';
import { migrate } from '../adapters/postgres/migrate.ts';
import type { MailerSettings } from '../mailer/settings.ts';
import { type FunctionName, type LocalBackend, startLocalBackend } from './backend.ts';
import type { FinishedInvocation } from './lambda/invocation.ts';
import { startPostgres } from './postgres/embedded-postgres.ts';
import type { LocalServices } from './services.ts';
import { type SmtpDouble, startSmtpDouble } from './smtp/smtp-double.ts';
import { WorkerProcess } from './worker-process.ts';

/** Short, since the demo has many outages and waits for the end of each. */
const PROBE_INTERVAL_MS = 200;

/** Less than the deployed quarter of an hour, since events arrive within a second here. */
const EVENT_WAIT_SECONDS = { least: 2, default: 3, most: 30 };

/** Less than the deployed five seconds; the local SQS supports no window below one second. */
const FEEDBACK_WINDOW_SECONDS = 1;

/** All parts of the pipeline, on 127.0.0.1. */
export interface LocalPipeline {
  readonly databaseUrl: string;
  /** Connections of the API, to write and read rows. */
  readonly pool: Pool;
  readonly smtp: SmtpDouble;
  readonly services: LocalServices;
  readonly worker: WorkerProcess;
  /** Folder of the logs and the mails' bytes. */
  readonly directory: string;
  /** Settings of a mailer that sends through these parts. */
  readonly mailerSettings: MailerSettings;
  close(): Promise<void>;
}

export interface LocalPipelineOptions {
  readonly directory: string;
  /** A database to use instead of an embedded one. It is migrated, and the demo's rows stay in it. */
  readonly databaseUrl?: string | undefined;
  /** Additional or overriding environment variables of the worker. */
  readonly workerEnvironment?: Readonly<Record<string, string>>;
  /** Called with each log line of the functions. */
  readonly onFunctionLogLine?: (line: string) => void;
  /** Called with each finished invocation of a function. */
  readonly onInvocation?: (name: FunctionName, invocation: FinishedInvocation) => void;
}

/**
 * Starts the pipeline without AWS: PostgreSQL with the API's table, the worker in its own process, a mail
 * server that fails on demand, and emulators and doubles of everything that runs on AWS.
 */
export async function startLocalPipeline(options: LocalPipelineOptions): Promise<LocalPipeline> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const postgres = options.databaseUrl === undefined ? await startPostgres() : undefined;
  const databaseUrl = options.databaseUrl ?? postgres?.connectionString ?? '';
  await migrate({ connectionString: databaseUrl });
  const smtp = await startSmtpDouble();
  const logs = new LogFiles(directory);
  const backend = await startLocalBackend({
    eventWaitSeconds: EVENT_WAIT_SECONDS,
    feedbackWindowSeconds: FEEDBACK_WINDOW_SECONDS,
    onResendLogLine: both(logs.writer('resend'), options.onFunctionLogLine),
    onFeedbackLogLine: both(logs.writer('feedback'), options.onFunctionLogLine),
    onInvocation: (name, invocation) => options.onInvocation?.(name, invocation),
  });
  const { services } = backend;
  const worker = await WorkerProcess.start({
    environment: { ...workerEnvironment(databaseUrl, smtp, backend), ...options.workerEnvironment },
    onLogLine: logs.writer('worker'),
  });
  const pool = new Pool({ connectionString: databaseUrl, max: 2, ...searchPath(databaseUrl) });
  // The database closes idle connections when it stops; this is no error.
  pool.on('error', () => {});
  return {
    databaseUrl,
    pool,
    smtp,
    services,
    worker,
    directory,
    mailerSettings: mailerSettings(smtp, services),
    close: async () => {
      await worker.stop();
      await backend.close();
      await Promise.all([smtp.close(), pool.end()]);
      await postgres?.close();
      logs.end();
    },
  };
}

/** The schema of the URL, for the rows of the demo. */
function searchPath(databaseUrl: string): { readonly options?: string } {
  const { search_path } = sessionSettings({ connectionString: databaseUrl });
  // Blanks end an option.
  return search_path === undefined
    ? {}
    : { options: `-c search_path=${search_path.replaceAll(/[\\ ]/g, '\\$&')}` };
}

type LineWriter = (line: string) => void;

function both(write: LineWriter, notify: LineWriter = () => {}): LineWriter {
  return (line) => {
    write(line);
    notify(line);
  };
}

class LogFiles {
  readonly #directory: string;
  readonly #files: WriteStream[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  writer(name: string): LineWriter {
    const file = createWriteStream(join(this.#directory, `${name}.log`));
    this.#files.push(file);
    return (line) => file.write(`${line}\n`);
  }

  end(): void {
    for (const file of this.#files) file.end();
  }
}

/** The variables that are set by the API's secrets and manifest. */
function workerEnvironment(
  databaseUrl: string,
  smtp: SmtpDouble,
  { services: { aws, receipts, fromDomain } }: LocalBackend,
): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    SMTP_HOST: smtp.host,
    SMTP_PORT: String(smtp.port),
    SMTP_TLS_CA: smtp.certificatePem,
    SMTP_BREAKER_PROBE_INTERVAL_MS: String(PROBE_INTERVAL_MS),
    FALLBACK_QUEUE_URL: aws.fallback.url,
    PAYLOAD_BUCKET: aws.bucket,
    RECEIPTS_QUEUE_URL: receipts.url,
    MAIL_DOMAIN: fromDomain,
    AWS_SES_REGION: aws.region,
    AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
    AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
  };
}

function mailerSettings(smtp: SmtpDouble, { aws }: LocalServices): MailerSettings {
  return {
    smtp: { host: smtp.host, port: smtp.port, tlsCa: smtp.certificatePem },
    fallback: {
      queueUrl: aws.fallback.url,
      payloadBucket: aws.bucket,
      region: aws.region,
      ...aws.credentials,
      sqsEndpoint: aws.endpoint,
      s3Endpoint: aws.endpoint,
    },
  };
}
