import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { MAX_QUEUE_MESSAGE_BYTES, MAX_RECEIVE_COUNT, QUEUE_RETENTION_DAYS } from '../../message/limits.ts';
import type { AwsCalls, AwsFaultRule } from './aws-fault.ts';
import { type CallListener, FaultProxy } from './fault-proxy.ts';
import { startFauxqs } from './fauxqs-server.ts';
import type { LocalTopic } from './sns-topic.ts';

const LOCAL_REGION = 'eu-west-1';
const LOCAL_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

export type SqsAndS3Options = {
  /** The visibility timeout of the fallback queue, in seconds. */
  readonly visibilitySeconds: number;
  /** After how many receives a message goes to the dead letters. @default the pipeline's own number */
  readonly maxReceiveCount?: number;
};

export type LocalQueue = { readonly url: string; readonly arn: string };

type LocalQueueOptions = {
  /** @default 30 */
  readonly visibilitySeconds?: number;
  readonly deadLetters?: { readonly arn: string; readonly maxReceiveCount: number };
};

export type SqsAndS3 = AsyncDisposable & {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly fallback: LocalQueue;
  readonly deadLetters: LocalQueue;
  readonly bucket: string;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  /** One queue more, such as that of the receipts: messages of 1 MiB, kept for the pipeline's retention. */
  createQueue(name: string, options?: LocalQueueOptions): Promise<LocalQueue>;
  /** A topic of SNS that hands what is published to the queue, raw. Faults do not strike it. */
  createTopic(name: string, options: { readonly subscriber: LocalQueue }): Promise<LocalTopic>;
  /** Lets calls fail, until `times` is used up or `heal`. */
  fault(rule: AwsFaultRule): void;
  heal(): void;
  /** How many such calls have arrived, retries and failed ones included. */
  callsOf(calls: AwsCalls): number;
  /** Resolves when such a call next arrives. */
  arrival(calls: AwsCalls, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Calls the listener for each call from now on. */
  subscribe(listener: CallListener): void;
  close(): Promise<void>;
};

/** Starts SQS and S3 on 127.0.0.1 with the fallback queue, its dead letters and the payload bucket. */
export async function startSqsAndS3(options: SqsAndS3Options): Promise<SqsAndS3> {
  const server = await startFauxqs(LOCAL_REGION);
  const proxy = await FaultProxy.start(server.port);
  const access = { endpoint: proxy.endpoint, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS };
  // The SDK writes a mark of its own into the credentials that it is given.
  const own = { ...access, credentials: { ...LOCAL_CREDENTIALS } };
  const sqs = new SQSClient({ ...own, useQueueUrlAsEndpoint: false });
  const s3 = new S3Client({ ...own, forcePathStyle: true });
  const close = async () => {
    sqs.destroy();
    s3.destroy();
    await proxy.close();
    await server.close();
  };

  try {
    const resources = await createResources(sqs, s3, options);
    return {
      ...access,
      ...resources,
      sqs,
      s3,
      createQueue: (name, queue = {}) => createQueue(sqs, name, queue),
      createTopic: (name, { subscriber }) => server.createTopic(name, subscriber),
      fault: (rule) => proxy.fault(rule),
      heal: () => proxy.heal(),
      callsOf: (calls) => proxy.callsOf(calls),
      arrival: (calls, wait) => proxy.arrival(calls, wait),
      subscribe: (listener) => proxy.subscribe(listener),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Resources = Pick<SqsAndS3, 'fallback' | 'deadLetters' | 'bucket'>;

async function createResources(sqs: SQSClient, s3: S3Client, options: SqsAndS3Options): Promise<Resources> {
  const deadLetters = await createQueue(sqs, 'dead-letters', {});
  const fallback = await createQueue(sqs, 'fallback', {
    visibilitySeconds: options.visibilitySeconds,
    deadLetters: { arn: deadLetters.arn, maxReceiveCount: options.maxReceiveCount ?? MAX_RECEIVE_COUNT },
  });
  const bucket = 'payloads';
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  return { fallback, deadLetters, bucket };
}

async function createQueue(sqs: SQSClient, name: string, options: LocalQueueOptions): Promise<LocalQueue> {
  const created = await sqs.send(
    new CreateQueueCommand({
      QueueName: name,
      Attributes: {
        VisibilityTimeout: String(options.visibilitySeconds ?? 30),
        MaximumMessageSize: String(MAX_QUEUE_MESSAGE_BYTES),
        MessageRetentionPeriod: String(QUEUE_RETENTION_DAYS * 24 * 60 * 60),
        ...(options.deadLetters ? { RedrivePolicy: redrivePolicy(options.deadLetters) } : {}),
      },
    }),
  );
  const described = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: created.QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  return { url: created.QueueUrl ?? '', arn: described.Attributes?.QueueArn ?? '' };
}

function redrivePolicy({
  arn,
  maxReceiveCount,
}: {
  readonly arn: string;
  readonly maxReceiveCount: number;
}): string {
  return JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount });
}
