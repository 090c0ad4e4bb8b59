import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalPipeline } from '../pipeline.ts';

const FILE = '.env.local';

/** Tells our file from one that another program keeps in the folder. */
const FIRST_LINE = '# Written by npm start; its next run in this folder replaces it.';

/**
 * Writes the variables that the mailer, the worker, `mailctl`, psql and any client of AWS need to use the running
 * pipeline: for a shell (`set -a; . FILE; set +a`) and for `node --env-file=FILE`.
 *
 * @returns the file; undefined if the folder has one that is not ours, which stays as it is
 */
export async function writeLocalEnvironment(pipeline: LocalPipeline): Promise<string | undefined> {
  const file = join(pipeline.directory, FILE);
  const before = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return FIRST_LINE;
    throw error;
  });
  if (!before.startsWith(FIRST_LINE)) return undefined;
  const { mailer, mailctl } = localEnvironment(pipeline);
  const text = [
    FIRST_LINE,
    `# In a shell: set -a; . '${file}'; set +a`,
    `# In Node: node --env-file='${file}' program.js`,
    '',
    '# The mailer, the worker and the receipts, as in the README, and psql "$DATABASE_URL".',
    ...linesOf(mailer),
    '',
    '# mailctl, the AWS command line and the SDKs. Services that are not here answer NotEmulated, not AWS itself.',
    ...linesOf(mailctl),
    '',
  ];
  // The URL of a database of one's own may have a password.
  await writeFile(file, text.join('\n'), { mode: 0o600 });
  return file;
}

type Variables = Readonly<Record<string, string>>;

function localEnvironment({ databaseUrl, smtp, services, cloudFormation }: LocalPipeline): {
  readonly mailer: Variables;
  readonly mailctl: Variables;
} {
  const { aws, receipts, dynamoDb, ses, fromDomain } = services;
  const { accessKeyId, secretAccessKey } = aws.credentials;
  return {
    mailer: {
      DATABASE_URL: databaseUrl,
      SMTP_HOST: smtp.host,
      SMTP_PORT: String(smtp.port),
      SMTP_TLS_CA: smtp.certificatePem,
      FALLBACK_QUEUE_URL: aws.fallback.url,
      FALLBACK_URGENT_QUEUE_URL: aws.urgent.url,
      PAYLOAD_BUCKET: aws.bucket,
      RECEIPTS_QUEUE_URL: receipts.url,
      MAIL_DOMAIN: fromDomain,
      AWS_SES_REGION: aws.region,
      AWS_SES_ACCESS_KEY: accessKeyId,
      AWS_SES_SECRET_KEY: secretAccessKey,
      AWS_ENDPOINT_URL_SQS: aws.endpoint,
      AWS_ENDPOINT_URL_S3: aws.endpoint,
    },
    mailctl: {
      AWS_REGION: aws.region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_ENDPOINT_URL: cloudFormation.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
      AWS_ENDPOINT_URL_SES: ses.url,
      AWS_ENDPOINT_URL_SESV2: ses.url,
    },
  };
}

/** Single quotes keep `$` and line ends, for a shell and for Node; no value but a URL can have one. */
function linesOf(variables: Variables): string[] {
  return Object.entries(variables).map(([name, value]) => `${name}='${value.replaceAll("'", '%27')}'`);
}
