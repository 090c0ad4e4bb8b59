import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  FALLBACK_VISIBILITY_SECONDS,
  RESEND_BATCH_SIZE,
  RESEND_ENV,
  RESEND_TIMEOUT_SECONDS,
} from '../../lambda/resend/constants.ts';
import { bundleLambda } from '../infra/lambda-bundle.ts';
import type { MailerSettings } from '../mailer/settings.ts';
import { type SqsAndS3, startSqsAndS3 } from './aws/sqs-and-s3.ts';
import { type LambdaHost, startLambdaHost } from './lambda/lambda-host.ts';
import { type SesDouble, startSesDouble } from './ses/ses-double.ts';
import { type SmtpDouble, startSmtpDouble } from './smtp/smtp-double.ts';

const LOCAL_DOMAIN = 'keybuzz.io';
const CONFIGURATION_SET = 'keybuzz-mail-local';

/** What the deployed stack starts with: a new event source mapping works two batches at a time. */
const CONCURRENCY = 2;

/** Every part of the pipeline, on 127.0.0.1. */
export interface LocalPipeline {
  readonly smtp: SmtpDouble;
  readonly aws: SqsAndS3;
  readonly ses: SesDouble;
  readonly lambda: LambdaHost;
  /** Where the function's log and the bytes of the mails are written. */
  readonly directory: string;
  /** What a mailer needs to send through these parts. */
  readonly mailerSettings: MailerSettings;
  close(): Promise<void>;
}

export interface LocalPipelineOptions {
  readonly directory: string;
}

/**
 * Starts the pipeline without AWS: a mail server that fails on demand, emulated SQS and S3, an SES double, and the
 * very bundle that the CDK would deploy, fed with real SQS events in a process of its own.
 */
export async function startLocalPipeline({ directory }: LocalPipelineOptions): Promise<LocalPipeline> {
  await mkdir(directory, { recursive: true });
  const bundle = bundleLambda('resend');
  const smtp = await startSmtpDouble();
  const aws = await startSqsAndS3({ visibilitySeconds: FALLBACK_VISIBILITY_SECONDS });
  const ses = await startSesDouble({ identities: [LOCAL_DOMAIN], configurationSets: [CONFIGURATION_SET] });
  const functionLog = createWriteStream(join(directory, 'resend.log'));
  const lambda = await startLambdaHost({
    bundleDirectory: bundle.directory,
    environment: functionEnvironment(aws, ses),
    queueUrl: aws.fallback.url,
    queueArn: aws.fallback.arn,
    sqs: aws.sqs,
    batchSize: RESEND_BATCH_SIZE,
    timeoutSeconds: RESEND_TIMEOUT_SECONDS,
    concurrency: CONCURRENCY,
    onLogLine: (line) => functionLog.write(`${line}\n`),
  });
  return {
    smtp,
    aws,
    ses,
    lambda,
    directory,
    mailerSettings: mailerSettings(smtp, aws),
    close: async () => {
      await lambda.close();
      await Promise.all([smtp.close(), aws.close(), ses.close()]);
      functionLog.end();
    },
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
