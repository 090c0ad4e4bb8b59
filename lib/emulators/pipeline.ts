import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import { sessionSettings } from '../adapters/postgres/connection.ts';
import { migrate } from '../adapters/postgres/migrate.ts';
import { LOGICAL_IDS, pipelineStackName } from '../common/names.ts';
import type { MailerSettings } from '../mailer/settings.ts';
import { type LocalCloudFormation, type LocalStack, startCloudFormation } from './aws/cloud-formation.ts';
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
  /** Where `mailctl` finds the queues and tables, as it finds those of a deployment. */
  readonly cloudFormation: LocalCloudFormation;
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
  /** Called once for each log that cannot be written, which stops no mail. */
  readonly onLogError?: (error: Error) => void;
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
  const started = new StartedParts();
  try {
    return await startParts(options, started);
  } catch (error) {
    await started.close();
    throw error;
  }
}

/** What has started, closed in reverse order. */
class StartedParts {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

async function startParts(options: LocalPipelineOptions, started: StartedParts): Promise<LocalPipeline> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const logs = new LogFiles(directory, options.onLogError);
  started.add(() => logs.end());
  const postgres = options.databaseUrl === undefined ? await startPostgres() : undefined;
  started.add(() => postgres?.close());
  const databaseUrl = options.databaseUrl ?? postgres?.connectionString ?? '';
  await migrate({ connectionString: databaseUrl });
  const smtp = await startSmtpDouble();
  started.add(() => smtp.close());
  const pool = new Pool({ connectionString: databaseUrl, max: 2, ...searchPath(databaseUrl) });
  // The database closes idle connections when it stops; this is no error.
  pool.on('error', () => {});
  started.add(() => pool.end());
  const backend = await startLocalBackend({
    eventWaitSeconds: EVENT_WAIT_SECONDS,
    feedbackWindowSeconds: FEEDBACK_WINDOW_SECONDS,
    onResendLogLine: both(logs.writer('resend'), options.onFunctionLogLine),
    onFeedbackLogLine: both(logs.writer('feedback'), options.onFunctionLogLine),
    onInvocation: (name, invocation) => options.onInvocation?.(name, invocation),
  });
  started.add(() => backend.close());
  const { services } = backend;
  const cloudFormation = await startCloudFormation(localStack(services));
  started.add(() => cloudFormation.close());
  const worker = await WorkerProcess.start({
    environment: { ...workerEnvironment(databaseUrl, smtp, backend), ...options.workerEnvironment },
    onLogLine: logs.writer('worker'),
  });
  started.add(() => worker.stop());
  return {
    databaseUrl,
    pool,
    smtp,
    services,
    worker,
    cloudFormation,
    directory,
    mailerSettings: mailerSettings(smtp, services),
    close: () => started.close(),
  };
}

/** The pipeline stack of `mailctl` without options. */
function localStack({
  aws,
  dynamoDb,
  receipts,
  feedback,
  feedbackDeadLetters,
  configurationSet,
  fromDomain,
}: LocalServices): LocalStack {
  return {
    name: pipelineStackName({ project: 'keybuzz', stage: 'dev' }),
    outputs: {
      FallbackQueueUrl: aws.fallback.url,
      UrgentQueueUrl: aws.urgent.url,
      HeldQueueUrl: aws.held.url,
      DeadLetterQueueUrl: aws.deadLetters.url,
      ReceiptsQueueUrl: receipts.url,
      PayloadBucketName: aws.bucket,
      SecretArn: 'arn:aws:secretsmanager:eu-west-1:000000000000:secret:none',
      ConfigurationSetName: configurationSet,
      LedgerTableName: dynamoDb.ledgerTable,
      SuppressionTableName: dynamoDb.suppressionTable,
      MailDomain: fromDomain,
    },
    resources: {
      [LOGICAL_IDS.fallbackQueue]: aws.fallback.url,
      [LOGICAL_IDS.urgentQueue]: aws.urgent.url,
      [LOGICAL_IDS.heldQueue]: aws.held.url,
      [LOGICAL_IDS.fallbackDeadLetters]: aws.deadLetters.url,
      [LOGICAL_IDS.feedbackQueue]: feedback.url,
      [LOGICAL_IDS.feedbackDeadLetters]: feedbackDeadLetters.url,
      [LOGICAL_IDS.receiptsQueue]: receipts.url,
      [LOGICAL_IDS.payloadBucket]: aws.bucket,
      [LOGICAL_IDS.ledgerTable]: dynamoDb.ledgerTable,
      [LOGICAL_IDS.suppressionTable]: dynamoDb.suppressionTable,
      [LOGICAL_IDS.configurationSet]: configurationSet,
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

  readonly #onError: (error: Error) => void;

  constructor(directory: string, onError: (error: Error) => void = () => {}) {
    this.#directory = directory;
    this.#onError = onError;
  }

  writer(name: string): LineWriter {
    const file = createWriteStream(join(this.#directory, `${name}.log`));
    // A full disk must not end the run: the mails are what it is about.
    file.once('error', this.#onError);
    file.on('error', () => {});
    this.#files.push(file);
    return (line) => {
      if (file.writable) file.write(`${line}\n`);
    };
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
    FALLBACK_URGENT_QUEUE_URL: aws.urgent.url,
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
      urgentQueueUrl: aws.urgent.url,
      payloadBucket: aws.bucket,
      region: aws.region,
      ...aws.credentials,
      sqsEndpoint: aws.endpoint,
      s3Endpoint: aws.endpoint,
    },
  };
}
