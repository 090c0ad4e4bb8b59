import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import {
  FALLBACK_VISIBILITY_SECONDS,
  RESEND_BATCH_SIZE,
  RESEND_ENV,
  RESEND_TIMEOUT_SECONDS,
} from '../../lambda/resend/constants.ts';
import { migrate } from '../adapters/postgres/migrate.ts';
import { bundleLambda } from '../infra/lambda-bundle.ts';
import type { MailerSettings } from '../mailer/settings.ts';
import { type SqsAndS3, startSqsAndS3 } from './aws/sqs-and-s3.ts';
import { type LambdaHost, startLambdaHost } from './lambda/lambda-host.ts';
import { startPostgres } from './postgres/embedded-postgres.ts';
import { type SesDouble, startSesDouble } from './ses/ses-double.ts';
import { type SmtpDouble, startSmtpDouble } from './smtp/smtp-double.ts';
import { WorkerProcess } from './worker-process.ts';

const LOCAL_DOMAIN = 'keybuzz.io';
const CONFIGURATION_SET = 'keybuzz-mail-local';

/** What the deployed stack starts with: a new event source mapping works two batches at a time. */
const CONCURRENCY = 2;

/** The story has many outages, and nobody wants to wait for the end of each. */
const PROBE_INTERVAL_MS = 200;

/** Every part of the pipeline, on 127.0.0.1. */
export interface LocalPipeline {
  readonly databaseUrl: string;
  /** Connections of the API's side, to write rows and to look at them. */
  readonly pool: Pool;
  readonly smtp: SmtpDouble;
  readonly aws: SqsAndS3;
  readonly ses: SesDouble;
  readonly lambda: LambdaHost;
  readonly worker: WorkerProcess;
  /** Where the logs and the bytes of the mails are written. */
  readonly directory: string;
  /** What a mailer needs to send through these parts. */
  readonly mailerSettings: MailerSettings;
  close(): Promise<void>;
}

export interface LocalPipelineOptions {
  readonly directory: string;
  /** A database to use in place of an embedded one. It is migrated, and the story's rows stay in it. */
  readonly databaseUrl?: string | undefined;
}

/**
 * Starts the pipeline without AWS: a PostgreSQL with the API's table, the worker in a process of its own, a mail
 * server that fails on demand, emulated SQS and S3, an SES double, and the very bundle that the CDK would deploy,
 * fed with real SQS events in another process.
 */
export async function startLocalPipeline(options: LocalPipelineOptions): Promise<LocalPipeline> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const postgres = options.databaseUrl === undefined ? await startPostgres() : undefined;
  const databaseUrl = options.databaseUrl ?? postgres?.connectionString ?? '';
  await migrate({ connectionString: databaseUrl });
  const smtp = await startSmtpDouble();
  const aws = await startSqsAndS3({ visibilitySeconds: FALLBACK_VISIBILITY_SECONDS });
  const ses = await startSesDouble({ identities: [LOCAL_DOMAIN], configurationSets: [CONFIGURATION_SET] });
  const logs = { lambda: logFile(directory, 'resend'), worker: logFile(directory, 'worker') };
  const lambda = await startLambdaHost({
    bundleDirectory: bundleLambda('resend').directory,
    environment: functionEnvironment(aws, ses),
    queueUrl: aws.fallback.url,
    queueArn: aws.fallback.arn,
    sqs: aws.sqs,
    batchSize: RESEND_BATCH_SIZE,
    timeoutSeconds: RESEND_TIMEOUT_SECONDS,
    concurrency: CONCURRENCY,
    onLogLine: (line) => logs.lambda.write(`${line}\n`),
  });
  const worker = await WorkerProcess.start({
    environment: workerEnvironment(databaseUrl, smtp, aws),
    onLogLine: (line) => logs.worker.write(`${line}\n`),
  });
  const pool = new Pool({ connectionString: databaseUrl, max: 2 });
  // The database ends idle connections when it stops; there is nobody to tell.
  pool.on('error', () => {});
  return {
    databaseUrl,
    pool,
    smtp,
    aws,
    ses,
    lambda,
    worker,
    directory,
    mailerSettings: mailerSettings(smtp, aws),
    close: async () => {
      await worker.stop();
      await lambda.close();
      await Promise.all([smtp.close(), aws.close(), ses.close(), pool.end()]);
      await postgres?.close();
      logs.lambda.end();
      logs.worker.end();
    },
  };
}

function logFile(directory: string, name: string): WriteStream {
  return createWriteStream(join(directory, `${name}.log`));
}

/** What the API's secrets and its manifest set. */
function workerEnvironment(databaseUrl: string, smtp: SmtpDouble, aws: SqsAndS3): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    SMTP_HOST: smtp.host,
    SMTP_PORT: String(smtp.port),
    SMTP_TLS_CA: smtp.certificatePem,
    SMTP_BREAKER_PROBE_INTERVAL_MS: String(PROBE_INTERVAL_MS),
    FALLBACK_QUEUE_URL: aws.fallback.url,
    PAYLOAD_BUCKET: aws.bucket,
    AWS_SES_REGION: aws.region,
    AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
    AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
  };
}

/** What the stack sets, and where the SDK finds the services in place of AWS. */
function functionEnvironment(aws: SqsAndS3, ses: SesDouble): Record<string, string> {
  return {
    [RESEND_ENV.queueUrl]: aws.fallback.url,
    [RESEND_ENV.deadLetterQueueUrl]: aws.deadLetters.url,
    [RESEND_ENV.payloadBucket]: aws.bucket,
    [RESEND_ENV.configurationSet]: CONFIGURATION_SET,
    [RESEND_ENV.fromDomain]: LOCAL_DOMAIN,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
    AWS_ENDPOINT_URL_SES: ses.url,
    AWS_ENDPOINT_URL_SESV2: ses.url,
  };
}

function mailerSettings(smtp: SmtpDouble, aws: SqsAndS3): MailerSettings {
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
