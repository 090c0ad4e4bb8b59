import { createHash, createHmac } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import * as dynamoDb from '@aws-sdk/client-dynamodb';
import * as s3 from '@aws-sdk/client-s3';
import * as ses from '@aws-sdk/client-ses';
import * as sesV2 from '@aws-sdk/client-sesv2';
import * as sqs from '@aws-sdk/client-sqs';
import * as ownDynamoDb from '../../lib/lambda-sdk/client-dynamodb.ts';
import * as ownS3 from '../../lib/lambda-sdk/client-s3.ts';
import * as ownSes from '../../lib/lambda-sdk/client-ses.ts';
import * as ownSesV2 from '../../lib/lambda-sdk/client-sesv2.ts';
import * as ownSqs from '../../lib/lambda-sdk/client-sqs.ts';

/** As Lambda sets them. */
export const LAMBDA_ENVIRONMENT = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  AWS_SESSION_TOKEN: 'a-token',
};

/**
 * Sets variables of this process, which both read.
 *
 * @returns puts them back. In place: the SDK's modules hold the object itself
 */
export function setEnvironment(variables: Readonly<Record<string, string>>): () => void {
  const { env } = process;
  const before = { ...env };
  Object.assign(env, variables);
  return () => {
    for (const name of Object.keys(env)) if (!(name in before)) delete env[name];
    Object.assign(env, before);
  };
}

interface Client {
  send(command: never, options?: { readonly abortSignal?: AbortSignal }): Promise<object>;
  destroy(): void;
}

/** The commands that the Lambdas use, of the SDK or of its stand-in. */
type Commands = Record<string, new (input: never) => unknown>;

export interface Side {
  readonly name: 'the SDK' | 'the stand-in';
  open(
    service: ServiceName,
    config?: { readonly maxAttempts?: number; readonly requestHandler?: object },
  ): Client;
  command(service: ServiceName, operation: string, input: object): never;
}

export type ServiceName = 'dynamodb' | 's3' | 'ses' | 'sesv2' | 'sqs';

type Modules = Record<
  ServiceName,
  { readonly Client: new (config: never) => Client; readonly commands: unknown }
>;

const SDK = {
  dynamodb: { Client: dynamoDb.DynamoDBClient, commands: dynamoDb },
  s3: { Client: s3.S3Client, commands: s3 },
  ses: { Client: ses.SESClient, commands: ses },
  sesv2: { Client: sesV2.SESv2Client, commands: sesV2 },
  sqs: { Client: sqs.SQSClient, commands: sqs },
} as unknown as Modules;

const STAND_INS = {
  dynamodb: { Client: ownDynamoDb.DynamoDBClient, commands: ownDynamoDb },
  s3: { Client: ownS3.S3Client, commands: ownS3 },
  ses: { Client: ownSes.SESClient, commands: ownSes },
  sesv2: { Client: ownSesV2.SESv2Client, commands: ownSesV2 },
  sqs: { Client: ownSqs.SQSClient, commands: ownSqs },
} as unknown as Modules;

function sideOf(name: Side['name'], modules: Modules): Side {
  return {
    name,
    open(service, config = {}) {
      // Only the SDK knows these two: the handlers give them, and the stand-in works in no other way.
      const options = { ...config, forcePathStyle: true, useQueueUrlAsEndpoint: false };
      return new modules[service].Client(options as never);
    },
    command(service, operation, input) {
      const Command = (modules[service].commands as Commands)[`${operation}Command`];
      if (Command === undefined) throw new Error(`${name} has no ${operation}`);
      return new Command(input as never) as never;
    },
  };
}

export const THE_SDK = sideOf('the SDK', SDK);
export const THE_STAND_IN = sideOf('the stand-in', STAND_INS);

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface ServiceDouble {
  readonly url: string;
  readonly requests: SeenRequest[];
  /** Of the next requests, in turn; the last one stays. */
  answers: ((response: ServerResponse) => void)[];
  /** Resolves at that many requests. */
  asked(count: number): Promise<void>;
  close(): Promise<void>;
}

/** An HTTP server on 127.0.0.1 that keeps what it was asked, and answers as it is told. */
export async function startServiceDouble(): Promise<ServiceDouble> {
  const requests: SeenRequest[] = [];
  const events = new EventEmitter();
  const server = createServer(async (request, response) => {
    const body = await text(request);
    requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
    const [answer] = double.answers.length > 1 ? double.answers.splice(0, 1) : double.answers;
    answer?.(response);
    events.emit('asked');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const double: ServiceDouble = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answers: [],
    asked: async (count) => {
      while (requests.length < count) await once(events, 'asked');
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return double;
}

/**
 * The signature that AWS would compute of a request, from the text of its specification:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function expectedSignature(
  { method, path, headers, body }: SeenRequest,
  secretAccessKey: string,
): string {
  const [, day = '', region = '', service = '', names = ''] =
    /Credential=[^/]+\/(\d+)\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+),/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const canonicalPath = service === 's3' ? path : path.split('/').map(encodeURIComponent).join('/');
  const canonical = [
    method,
    canonicalPath,
    '',
    ...names.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    names,
    sha256(body),
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<Buffer | string>(
    (secret, part) => hmac(secret, part),
    `AWS4${secretAccessKey}`,
  );
  return hmac(key, toSign).toString('hex');
}

function sha256(data: string): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Buffer | string, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
