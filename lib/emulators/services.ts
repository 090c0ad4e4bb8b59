import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from './aws/sqs-and-s3.ts';
import { type LocalDynamoDb, startDynamoDb } from './dynamodb/local-dynamo-db.ts';
import { type SesDouble, startSesDouble } from './ses/ses-double.ts';

/** Less than the deployed minute, which is too long to wait for a row. */
const RECEIPTS_VISIBILITY_SECONDS = 2;

/** The AWS services of the functions, on 127.0.0.1, with all resources that the stacks create. */
export interface LocalServices {
  readonly aws: SqsAndS3;
  readonly dynamoDb: LocalDynamoDb;
  readonly ses: SesDouble;
  /** The queue of SES events. */
  readonly feedback: LocalQueue;
  readonly feedbackDeadLetters: LocalQueue;
  readonly receipts: LocalQueue;
  readonly configurationSet: string;
  readonly fromDomain: string;
  close(): Promise<void>;
}

export interface LocalServicesOptions {
  /** The visibility timeouts of the functions' queues, in seconds. */
  readonly fallbackVisibilitySeconds: number;
  readonly feedbackVisibilitySeconds: number;
}

/** Starts emulated SQS, S3, SNS and DynamoDB, and an SES double with SNS events to the feedback queue. */
export async function startLocalServices(options: LocalServicesOptions): Promise<LocalServices> {
  const fromDomain = 'keybuzz.io';
  const configurationSet = 'keybuzz-mail-local';
  const aws = await startSqsAndS3({ visibilitySeconds: options.fallbackVisibilitySeconds });
  const dynamoDb = await startDynamoDb();
  const feedbackDeadLetters = await aws.createQueue('feedback-dead-letters');
  const feedback = await aws.createQueue('feedback', {
    visibilitySeconds: options.feedbackVisibilitySeconds,
  });
  const receipts = await aws.createQueue('receipts', { visibilitySeconds: RECEIPTS_VISIBILITY_SECONDS });
  const topic = await aws.createTopic('events', { subscriber: feedback });
  const ses = await startSesDouble({
    identities: [fromDomain],
    configurationSets: [configurationSet],
    onEvent: (event) => topic.publish(JSON.stringify(event)),
  });
  return {
    aws,
    dynamoDb,
    ses,
    feedback,
    feedbackDeadLetters,
    receipts,
    configurationSet,
    fromDomain,
    close: async () => {
      // The double may still publish to the topic's emulator, so close the double first.
      await ses.close();
      await Promise.all([aws.close(), dynamoDb.close()]);
    },
  };
}
