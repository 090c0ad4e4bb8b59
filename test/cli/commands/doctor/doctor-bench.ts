import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../../../lib/emulators/aws/sqs-and-s3.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import type { SesAccount } from '../../../../lib/emulators/ses/account.ts';
import { type SesDouble, startSesDouble } from '../../../../lib/emulators/ses/ses-double.ts';
import { type SmtpDouble, startSmtpDouble } from '../../../../lib/emulators/smtp/smtp-double.ts';
import type { AwsAccount } from '../../../support/aws-account/aws-account.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { VaultDouble } from '../../../support/vault/vault-double.ts';

const VAULT_PATH = 'keybuzz/ses';

const ALARM_TOPIC = 'arn:aws:sns:eu-west-1:123456789012:keybuzz-mail-alarms-dev';

/** Where the alarms link to. */
const RUNBOOK_URL = 'https://wiki.example/runbook';

/** Shared by all set-ups, because starting their emulator takes most of the time. */
export interface DoctorQueues {
  readonly aws: SqsAndS3;
  readonly dynamoDb: LocalDynamoDb;
  readonly named: Readonly<
    Record<'feedback' | 'feedbackDeadLetters' | 'receipts' | 'receiptsDeadLetters', LocalQueue>
  >;
}

/** A healthy set-up of all that the doctor checks; each test breaks a part of it. */
export interface DoctorBench {
  readonly queues: DoctorQueues;
  readonly double: AwsAccountDouble;
  readonly account: AwsAccount;
  readonly ses: SesDouble;
  readonly vault: VaultDouble;
  readonly smtp: SmtpDouble;
  readonly domain: string;
  readonly alarmTopic: string;
  readonly vaultPath: string;
  /** The environment of the command; tests change it. */
  readonly env: Record<string, string | undefined>;
  readonly args: string[];
  close(): Promise<void>;
}

export async function startDoctorQueues(): Promise<DoctorQueues> {
  const [aws, dynamoDb] = await Promise.all([startSqsAndS3({ visibilitySeconds: 30 }), startDynamoDb()]);
  const [feedback, feedbackDeadLetters, receipts, receiptsDeadLetters] = await Promise.all([
    aws.createQueue('feedback'),
    aws.createQueue('feedback-dead-letters'),
    aws.createQueue('receipts'),
    aws.createQueue('receipts-dead-letters'),
  ]);
  return { aws, dynamoDb, named: { feedback, feedbackDeadLetters, receipts, receiptsDeadLetters } };
}

export async function startDoctorBench(queues: DoctorQueues, domain: string): Promise<DoctorBench> {
  const [ses, vault, smtp, folder] = await Promise.all([
    startSesDouble(),
    VaultDouble.start(),
    startSmtpDouble(),
    mkdtemp(join(tmpdir(), 'mailctl-doctor-')),
  ]);
  const { fallback, urgent, held, deadLetters } = queues.aws;
  const { ledgerTable } = queues.dynamoDb;
  const resources = { fallback, urgent, held, deadLetters, ledgerTable, ...queues.named };
  const alarmEmail = ['operator@example.org'];
  const account = deployedAccount({
    domain,
    ses: ses.account,
    resources,
    alarmEmail,
    runbookUrl: RUNBOOK_URL,
  });
  verifyIdentity(ses.account, domain);
  confirmSubscription(account);
  const secret = [...account.secrets.values()][0]?.value ?? '{}';
  vault.state.secrets().write(VAULT_PATH, JSON.parse(secret));
  const kubernetesFile = join(folder, 'secret.json');
  await writeFile(kubernetesFile, manifestOf(JSON.parse(secret)));
  const double = await startAwsAccount({ account });
  return {
    queues,
    double,
    account,
    ses,
    vault,
    smtp,
    domain,
    alarmTopic: ALARM_TOPIC,
    vaultPath: VAULT_PATH,
    env: {
      ...double.environment,
      AWS_ENDPOINT_URL_SQS: queues.aws.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: queues.dynamoDb.endpoint,
      AWS_ENDPOINT_URL_SESV2: ses.url,
      VAULT_ADDR: vault.url,
      VAULT_TOKEN: 'root',
      SMTP_HOST: smtp.host,
      SMTP_PORT: String(smtp.port),
      SMTP_TLS_CA: smtp.certificatePem,
    },
    args: ['--kubernetes-file', kubernetesFile],
    close: async () => {
      await Promise.all([double.close(), ses.close(), vault.close(), smtp.close()]);
      await rm(folder, { recursive: true });
    },
  };
}

/** The state in SES once it has found the DNS records. */
function verifyIdentity({ identities }: SesAccount, domain: string): void {
  const identity = identities.get(domain);
  if (identity === undefined) throw new Error('the deployment left no identity');
  identity.status = 'SUCCESS';
  identity.mailFrom = { domain: `bounce.${domain}`, status: 'SUCCESS' };
}

/** The state once the subscriber has followed the link in the mail. */
function confirmSubscription({ topics }: AwsAccount): void {
  const [subscription] = topics.get(ALARM_TOPIC)?.subscriptions ?? [];
  if (subscription === undefined) throw new Error('the deployment left no topic with a subscription');
  subscription.confirmed = true;
}

function manifestOf(fields: Readonly<Record<string, string>>): string {
  const data = Object.entries(fields).map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
  return JSON.stringify({ apiVersion: 'v1', kind: 'Secret', data: Object.fromEntries(data) });
}
