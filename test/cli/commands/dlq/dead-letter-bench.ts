import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { type FallbackMessage, serialiseFallbackMessage } from '../../../../lib/domain/fallback-message.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../../../lib/emulators/aws/sqs-and-s3.ts';
import { AwsAccount } from '../../../support/aws-account/aws-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { type MailctlRun, runMailctl } from '../../../support/run-mailctl.ts';

/** The outputs of the deployed pipeline stack. */
export function accountOf({
  fallback,
  urgent,
  deadLetters,
  bucket,
}: Pick<SqsAndS3, 'fallback' | 'urgent' | 'deadLetters' | 'bucket'>) {
  return new AwsAccount().add({
    stacks: [
      {
        name: 'keybuzz-mail-pipeline-dev',
        status: 'CREATE_COMPLETE',
        createdAt: new Date('2026-01-05T08:00:00Z'),
        resources: [],
        outputs: {
          FallbackQueueUrl: fallback.url,
          UrgentQueueUrl: urgent.url,
          HeldQueueUrl: `${fallback.url}-held`,
          DeadLetterQueueUrl: deadLetters.url,
          ReceiptsQueueUrl: `${fallback.url}-receipts`,
          PayloadBucketName: bucket,
          MailDomain: 'keybuzz.io',
          SecretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:keybuzz',
          ConfigurationSetName: 'keybuzz-mail',
          LedgerTableName: 'ledger',
          SuppressionTableName: 'suppression',
        },
      },
    ],
  });
}

/** A dead letter as it is in the queue. */
export interface Parked {
  readonly body: FallbackMessage | string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly groupId?: string;
}

/** Puts dead letters into the dead letter queue. */
export async function parkLetters(
  { sqs, deadLetters }: Pick<SqsAndS3, 'sqs' | 'deadLetters'>,
  parked: readonly Parked[],
): Promise<void> {
  for (let start = 0; start < parked.length; start += 10) {
    const Entries = parked.slice(start, start + 10).map(({ body, attributes = {}, groupId }, index) => ({
      Id: String(index),
      MessageBody: typeof body === 'string' ? body : serialiseFallbackMessage(body),
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
      ),
      ...(groupId === undefined ? {} : { MessageGroupId: groupId }),
    }));
    const { Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({ QueueUrl: deadLetters.url, Entries }),
    );
    if (Failed.length > 0) throw new Error('a letter was not taken by the queue');
  }
}

export interface DeadLetterBench extends AsyncDisposable {
  readonly aws: SqsAndS3;
  readonly account: AwsAccountDouble;
  readonly environment: Readonly<Record<string, string>>;
  mailctl(...args: readonly string[]): Promise<MailctlRun>;
  close(): Promise<void>;
}

/** The queues, an account whose stack names them, and mailctl configured for both. */
export async function startDeadLetterBench(): Promise<DeadLetterBench> {
  const aws = await startSqsAndS3({ visibilitySeconds: 30 });
  const account = await startAwsAccount({ account: accountOf(aws) });
  const environment = {
    ...account.environment,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
  };
  const close = async () => {
    await Promise.all([aws.close(), account.close()]);
  };
  return {
    aws,
    account,
    environment,
    mailctl: (...args) => runMailctl(args, environment),
    close,
    [Symbol.asyncDispose]: close,
  };
}
