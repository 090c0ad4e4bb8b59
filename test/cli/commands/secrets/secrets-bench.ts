import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { VaultDouble, type VaultDoubleOptions } from '../../../support/vault/vault-double.ts';

const SECRET_ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:keybuzz/ses-dev-AbC123';

const TOKEN = 'hvs.value-of-the-token';

/** Values that the tests search for in the output, where they must not be. */
export const SES = {
  AWS_SES_ACCESS_KEY: 'AKIAVALUEOFTHEKEY',
  AWS_SES_SECRET_KEY: 'value/of+the/secret=',
  AWS_SES_REGION: 'eu-west-1',
  FALLBACK_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/keybuzz-fallback-dev',
  FALLBACK_URGENT_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/keybuzz-fallback-urgent-dev',
  PAYLOAD_BUCKET: 'keybuzz-payloads-dev',
  RECEIPTS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/keybuzz-receipts-dev',
  MAIL_DOMAIN: 'keybuzz.io',
};

const OUTPUTS = {
  FallbackQueueUrl: SES.FALLBACK_QUEUE_URL,
  UrgentQueueUrl: SES.FALLBACK_URGENT_QUEUE_URL,
  HeldQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/keybuzz-held-dev',
  DeadLetterQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/keybuzz-dead-dev',
  ReceiptsQueueUrl: SES.RECEIPTS_QUEUE_URL,
  PayloadBucketName: SES.PAYLOAD_BUCKET,
  MailDomain: SES.MAIL_DOMAIN,
  SecretArn: SECRET_ARN,
  ConfigurationSetName: 'keybuzz-dev',
  LedgerTableName: 'keybuzz-ledger-dev',
  SuppressionTableName: 'keybuzz-suppression-dev',
};

/** An account with the pipeline deployed, a Vault, and the environment of a command that uses both. */
export interface SecretsBench {
  readonly aws: AwsAccountDouble;
  readonly vault: VaultDouble;
  /** A home directory without a Vault token. */
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startSecretsBench(options?: VaultDoubleOptions): Promise<SecretsBench> {
  const [aws, vault, home] = await Promise.all([
    startAwsAccount(),
    VaultDouble.start(options),
    mkdtemp(join(tmpdir(), 'mailctl-secrets-')),
  ]);
  const createdAt = new Date('2026-01-01T00:00:00Z');
  aws.account.add({
    stacks: [
      {
        name: 'keybuzz-mail-pipeline-dev',
        status: 'CREATE_COMPLETE',
        createdAt,
        outputs: OUTPUTS,
        resources: [],
      },
    ],
    secrets: [{ name: 'keybuzz/ses-dev', arn: SECRET_ARN, value: JSON.stringify(SES), createdAt }],
  });
  const vaultEnvironment = { VAULT_ADDR: vault.url, VAULT_TOKEN: TOKEN };
  vault.state.grant(TOKEN, 'root');
  return {
    aws,
    vault,
    home,
    env: { ...aws.environment, HOME: home, ...vaultEnvironment },
    close: async () => {
      await Promise.all([aws.close(), vault.close(), rm(home, { recursive: true })]);
    },
  };
}

/** The secret values that the text reveals. */
export function valuesIn(text: string, ...others: readonly string[]): string[] {
  const secrets = [SES.AWS_SES_ACCESS_KEY, SES.AWS_SES_SECRET_KEY, TOKEN, ...others];
  return secrets.filter((value) => text.includes(value));
}
