import { PurgeQueueCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { DynamoSendingState } from '../../../lib/adapters/dynamodb/dynamo-sending-state.ts';
import { INITIAL_SENDING_STATE, type SendingState } from '../../../lib/domain/sending-state.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { type SesDouble, startSesDouble } from '../../../lib/emulators/ses/ses-double.ts';
import { deployedAccount } from '../../support/aws-account/deployed-account.ts';
import { startAwsAccount } from '../../support/aws-account/start-aws-account.ts';
import { type MailctlRun, runMailctl } from '../../support/run-mailctl.ts';

/** A deployed pipeline whose functions know something together, and queues with mail in them. */
export interface SendingBench {
  readonly aws: SqsAndS3;
  readonly ses: SesDouble;
  readonly store: DynamoSendingState;
  mailctl(...args: string[]): Promise<MailctlRun>;
  /** What the functions know from then on. */
  remember(changes: Partial<SendingState>): Promise<void>;
  enqueue(queue: 'fallback' | 'urgent' | 'held', messages: number): Promise<void>;
  /** Empty queues, and functions that know nothing. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function startSendingBench(): Promise<SendingBench> {
  const [aws, dynamoDb, ses] = await Promise.all([
    startSqsAndS3({ visibilitySeconds: 30 }),
    startDynamoDb(),
    startSesDouble(),
  ]);
  const { fallback, urgent, held, deadLetters } = aws;
  const { ledgerTable, suppressionTable } = dynamoDb;
  const resources = { fallback, urgent, held, deadLetters, ledgerTable, suppressionTable };
  const account = await startAwsAccount({ account: deployedAccount({ resources }) });
  const store = new DynamoSendingState(dynamoDb.client, { tableName: ledgerTable, timeoutMs: 5_000 });
  const remember = async (changes: Partial<SendingState>) => {
    await store.write({ ...INITIAL_SENDING_STATE, ...changes }, await store.read());
  };
  return {
    aws,
    ses,
    store,
    remember,
    mailctl: (...args) =>
      runMailctl(args, {
        ...account.environment,
        AWS_ENDPOINT_URL_SQS: aws.endpoint,
        AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
        AWS_ENDPOINT_URL_SESV2: ses.url,
      }),
    enqueue: async (queue, messages) => {
      const command = new SendMessageCommand({ QueueUrl: aws[queue].url, MessageBody: '{}' });
      for (let sent = 0; sent < messages; sent += 1) await aws.sqs.send(command);
    },
    clear: async () => {
      for (const { url } of [fallback, urgent, held]) {
        await aws.sqs.send(new PurgeQueueCommand({ QueueUrl: url }));
      }
      await remember({});
    },
    close: async () => {
      await Promise.all([account.close(), aws.close(), dynamoDb.close(), ses.close()]);
    },
  };
}
