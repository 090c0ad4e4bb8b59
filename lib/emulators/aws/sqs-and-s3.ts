import type { AddressInfo } from 'node:net';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';
import {
  MAX_CONTENT_BYTES,
  MAX_QUEUE_MESSAGE_BYTES,
  MAX_RECEIVE_COUNT,
  QUEUE_RETENTION_DAYS,
} from '../../domain/limits.ts';
import type { AwsCalls, AwsFaultHandle, AwsFaultRule } from './aws-fault.ts';
import { type CallListener, FaultProxy } from './fault-proxy.ts';
import { correctS3, correctSqs } from './fauxqs-corrections.ts';

const LOCAL_REGION = 'eu-west-1';
const LOCAL_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

export type SqsAndS3Options = {
  /** The visibility timeout of the queues of the resend function, in seconds. */
  readonly visibilitySeconds: number;
  /** Receives before SQS moves a message to the dead-letter queue. @default the pipeline's setting */
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
  /** Of urgent mail. */
  readonly urgent: LocalQueue;
  /** Of mail that the resend function holds. */
  readonly held: LocalQueue;
  /** Of the three above. */
  readonly deadLetters: LocalQueue;
  readonly bucket: string;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  /** Creates a queue, such as for receipts: messages up to 1 MiB, with the pipeline's retention. */
  createQueue(name: string, options?: LocalQueueOptions): Promise<LocalQueue>;
  /** Creates an SNS topic with raw delivery to the queue. Faults do not apply to it. */
  createTopic(name: string, options: { readonly subscriber: LocalQueue }): Promise<LocalTopic>;
  /** Makes calls fail, until `times` is used up, it is removed, or `heal`. */
  fault(rule: AwsFaultRule): AwsFaultHandle;
  heal(): void;
  /** Number of matching calls so far, including retries and failed calls. */
  callsOf(calls: AwsCalls): number;
  /** Resolves when the next matching call arrives. */
  arrival(calls: AwsCalls, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Calls the listener for each call from now on. */
  subscribe(listener: CallListener): void;
  close(): Promise<void>;
};

/** Starts SQS and S3 on 127.0.0.1 with the queues of the resend function, their dead-letter queue and the payload bucket. */
export async function startSqsAndS3(options: SqsAndS3Options): Promise<SqsAndS3> {
  const server = await startFauxqs(LOCAL_REGION);
  const proxy = await FaultProxy.start(server.port);
  const access = { endpoint: proxy.endpoint, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS };
  // A copy, since the SDK modifies the credentials object.
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

type Resources = Pick<SqsAndS3, 'fallback' | 'urgent' | 'held' | 'deadLetters' | 'bucket'>;

async function createResources(sqs: SQSClient, s3: S3Client, options: SqsAndS3Options): Promise<Resources> {
  const deadLetters = await createQueue(sqs, 'dead-letters', {});
  const feeding = {
    visibilitySeconds: options.visibilitySeconds,
    deadLetters: { arn: deadLetters.arn, maxReceiveCount: options.maxReceiveCount ?? MAX_RECEIVE_COUNT },
  };
  const fallback = await createQueue(sqs, 'fallback', feeding);
  const urgent = await createQueue(sqs, 'fallback-urgent', feeding);
  const held = await createQueue(sqs, 'held', feeding);
  const bucket = 'payloads';
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  return { fallback, urgent, held, deadLetters, bucket };
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

/** Room for the framing and checksums around the largest payload. */
const MAX_BODY_BYTES = MAX_CONTENT_BYTES + 1024 * 1024;

type FauxqsServer = {
  readonly port: number;
  createTopic(name: string, subscriber: { readonly arn: string }): Promise<LocalTopic>;
  close(): Promise<void>;
};

/** Starts fauxqs on a free port of 127.0.0.1, without logs; corrects differences to AWS that hide bugs. */
async function startFauxqs(region: string): Promise<FauxqsServer> {
  const app = buildApp({ logger: false, defaultRegion: region });
  // fauxqs accepts bodies up to 11 MiB; a payload may be larger.
  app.removeContentTypeParser('*');
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_request, body, done) => {
    done(null, body);
  });
  correctSqs(app);
  correctS3(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    port: (app.server.address() as AddressInfo).port,
    createTopic: (name, subscriber) => createSnsTopic(app, name, subscriber),
    close: () => app.close(),
  };
}

type Fauxqs = ReturnType<typeof buildApp>;

/** A topic with one queue as subscriber. */
export type LocalTopic = {
  readonly arn: string;
  /** Resolves when the text is in the queue. */
  publish(text: string): Promise<void>;
};

/**
 * Creates a topic with `RawMessageDelivery` to a queue: the message body is the published text. It has no
 * fault proxy, since AWS itself delivers from SES through SNS to SQS, and retries until it succeeds.
 */
async function createSnsTopic(
  app: Fauxqs,
  name: string,
  subscriber: { readonly arn: string },
): Promise<LocalTopic> {
  const created = await callSns(app, 'CreateTopic', { Name: name });
  const arn = /<TopicArn>([^<]+)</.exec(created)?.[1];
  if (arn === undefined) throw new Error('SNS gave the topic no ARN');
  await callSns(app, 'Subscribe', {
    TopicArn: arn,
    Protocol: 'sqs',
    Endpoint: subscriber.arn,
    'Attributes.entry.1.key': 'RawMessageDelivery',
    'Attributes.entry.1.value': 'true',
  });
  return {
    arn,
    publish: async (text) => {
      await callSns(app, 'Publish', { TopicArn: arn, Message: text });
    },
  };
}

/** Calls the query protocol without a connection, so that none is left open when the server closes. */
async function callSns(
  app: Fauxqs,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const response = await app.inject({
    method: 'POST',
    url: '/',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({ Action: action, Version: '2010-03-31', ...parameters }).toString(),
  });
  if (response.statusCode !== 200) {
    const code = /<Code>([^<]+)</.exec(response.payload)?.[1] ?? 'no code';
    throw new Error(`SNS refused ${action}: ${response.statusCode} ${code}`);
  }
  return response.payload;
}
