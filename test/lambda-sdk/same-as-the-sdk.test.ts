import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  expectedSignature,
  LAMBDA_ENVIRONMENT,
  type SeenRequest,
  type ServiceDouble,
  type ServiceName,
  type Side,
  setEnvironment,
  startServiceDouble,
  THE_SDK,
  THE_STAND_IN,
} from './both-clients.ts';

const QUEUE_URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/keybuzz-mail';

const VALUES = {
  ':a': { S: 'Grüße, "Zoë" 🐝' },
  ':n': { N: '12' },
  ':m': { M: { l: { L: [{ BOOL: true }, { NULL: true }] } } },
};

const json =
  (body: object, status = 200, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    void response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));

const xml =
  (body: string, status = 200) =>
  (response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'text/xml' }).end(`<?xml version="1.0"?>\n${body}`);

const sesXml = (operation: string, result: string) =>
  xml(
    `<${operation}Response xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><${operation}Result>${result}</${operation}Result>` +
      `<ResponseMetadata><RequestId>a</RequestId></ResponseMetadata></${operation}Response>`,
  );

type Call = [ServiceName, string, object, (response: ServerResponse) => void];

/** Every operation that a Lambda calls, with a response as the service's API reference has it. */
const CALLS: readonly Call[] = [
  [
    'dynamodb',
    'GetItem',
    { TableName: 't', Key: { id: { S: 'ä' } }, ConsistentRead: true },
    json({ Item: VALUES }),
  ],
  ['dynamodb', 'GetItem', { TableName: 't', Key: { id: { S: 'none' } } }, json({})],
  [
    'dynamodb',
    'PutItem',
    {
      TableName: 't',
      Item: VALUES,
      ConditionExpression: '#a = :a',
      ExpressionAttributeValues: VALUES,
      ReturnValues: undefined,
    },
    json({}),
  ],
  [
    'dynamodb',
    'UpdateItem',
    {
      TableName: 't',
      Key: { id: { S: 'a' } },
      UpdateExpression: 'SET #a = :a',
      ExpressionAttributeNames: { '#a': 'state' },
    },
    json({ Attributes: VALUES }),
  ],
  [
    'dynamodb',
    'Query',
    { TableName: 't', KeyConditionExpression: '#a = :a', ExclusiveStartKey: undefined },
    json({ Count: 1, ScannedCount: 1, Items: [VALUES], LastEvaluatedKey: { id: { S: 'a' } } }),
  ],
  [
    'dynamodb',
    'BatchGetItem',
    { RequestItems: { t: { Keys: [{ id: { S: 'a' } }] } } },
    json({ Responses: { t: [VALUES] }, UnprocessedKeys: { t: { Keys: [{ id: { S: 'b' } }] } } }),
  ],
  ['dynamodb', 'Scan', { TableName: 't', Limit: 3 }, json({ Items: [], Count: 0 })],
  ['dynamodb', 'DescribeTable', { TableName: 't' }, json({ Table: { ItemCount: 4 } })],
  [
    'sqs',
    'SendMessage',
    { QueueUrl: QUEUE_URL, MessageBody: '{"a":"ä"}', DelaySeconds: 3 },
    json({ MessageId: 'm', MD5OfMessageBody: '9b270208369bdf2596b2c5abc12bbe19' }),
  ],
  [
    'sqs',
    'SendMessageBatch',
    {
      QueueUrl: QUEUE_URL,
      Entries: [
        {
          Id: '0',
          MessageBody: 'b',
          MessageGroupId: 'tenant-1',
          MessageAttributes: { cause: { DataType: 'String', StringValue: 'expired' } },
        },
      ],
    },
    json({
      Successful: [{ Id: '0', MessageId: 'm', MD5OfMessageBody: '92eb5ffee6ae2fec3ad71c777531578f' }],
      Failed: [{ Id: '1', SenderFault: true, Code: 'InvalidParameterValue', Message: 'no' }],
    }),
  ],
  [
    'sqs',
    'ChangeMessageVisibility',
    { QueueUrl: QUEUE_URL, ReceiptHandle: 'r', VisibilityTimeout: 60 },
    json({}),
  ],
  [
    'sqs',
    'ChangeMessageVisibility',
    { QueueUrl: QUEUE_URL, ReceiptHandle: 'r', VisibilityTimeout: 60 },
    (response) => void response.writeHead(200).end(),
  ],
  [
    'sqs',
    'GetQueueAttributes',
    { QueueUrl: QUEUE_URL, AttributeNames: ['ApproximateNumberOfMessages'] },
    json({ Attributes: { ApproximateNumberOfMessages: '7' } }),
  ],
  [
    'ses',
    'SendRawEmail',
    {
      Source: 'Zoë+sales@keybuzz.io',
      Destinations: ["o'neil@example.org", 'a&b=c@example.org'],
      RawMessage: { Data: Buffer.from('Subject: Grüße\r\n\r\n+/= ~*()\r\n') },
      ConfigurationSetName: 'keybuzz-mail',
      Tags: [
        { Name: 'deliveryId', Value: 'b64_ab-_' },
        { Name: 'part', Value: '0' },
      ],
    },
    sesXml('SendRawEmail', '<MessageId>0102-&amp;-000000</MessageId>'),
  ],
  [
    'ses',
    'GetSendQuota',
    {},
    sesXml(
      'GetSendQuota',
      '<Max24HourSend>-1.0</Max24HourSend><MaxSendRate>14.0</MaxSendRate><SentLast24Hours>3.0</SentLast24Hours>',
    ),
  ],
  [
    'ses',
    'GetSendStatistics',
    {},
    sesXml(
      'GetSendStatistics',
      `<SendDataPoints>${['2026-11-01T10:00:00Z', '2026-11-01T10:15:00Z']
        .map(
          (at, index) =>
            `<member><DeliveryAttempts>${index + 8}</DeliveryAttempts><Timestamp>${at}</Timestamp><Rejects>0</Rejects>` +
            `<Bounces>${index}</Bounces><Complaints>2</Complaints></member>`,
        )
        .join('\n')}</SendDataPoints>`,
    ),
  ],
  [
    'ses',
    'GetSendStatistics',
    {},
    sesXml(
      'GetSendStatistics',
      '<SendDataPoints><member><DeliveryAttempts>8</DeliveryAttempts><Timestamp>2026-11-01T10:00:00Z</Timestamp>' +
        '<Rejects>0</Rejects><Bounces>0</Bounces><Complaints>0</Complaints></member></SendDataPoints>',
    ),
  ],
  ['ses', 'GetSendStatistics', {}, sesXml('GetSendStatistics', '<SendDataPoints/>')],
  [
    'sesv2',
    'SendEmail',
    {
      FromEmailAddress: 'support@keybuzz.io',
      Destination: { ToAddresses: ['zoë@example.org'] },
      Content: { Raw: { Data: Buffer.from('Subject: Grüße\r\n\r\n') } },
      ConfigurationSetName: 'keybuzz-mail',
      EmailTags: [{ Name: 'part', Value: '0' }],
    },
    json({ MessageId: 'm' }),
  ],
  // Encoded in several slices, the last of which is padded.
  ...[0, 1, 196_607, 196_608, 400_000].map(
    (bytes): Call => [
      'sesv2',
      'SendEmail',
      { ConfigurationSetName: 'ä', Content: { Raw: { Data: Buffer.alloc(bytes, 'aä*') } } },
      json({ MessageId: 'm' }),
    ],
  ),
  [
    'sesv2',
    'GetAccount',
    {},
    json({
      SendingEnabled: true,
      EnforcementStatus: 'HEALTHY',
      SendQuota: { Max24HourSend: 200, MaxSendRate: 1, SentLast24Hours: 0 },
    }),
  ],
  [
    's3',
    'GetObject',
    { Bucket: 'payloads', Key: "payloads/a b+c'(ä)~*.eml" },
    (response) => void response.writeHead(200, { 'content-length': '5' }).end('Hello'),
  ],
];

const FAULTS: readonly [string, ServiceName, string, object, (response: ServerResponse) => void][] = [
  [
    'a refusal of DynamoDB',
    'dynamodb',
    'PutItem',
    { TableName: 't', Item: {} },
    json(
      {
        __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
        message: 'The conditional request failed',
      },
      400,
    ),
  ],
  [
    'a refusal that DynamoDB has no shape for',
    'dynamodb',
    'GetItem',
    { TableName: 't', Key: {} },
    json(
      { __type: 'com.amazon.coral.service#AccessDeniedException', Message: 'no identity-based policy' },
      400,
    ),
  ],
  [
    'a refusal of SQS',
    'sqs',
    'SendMessage',
    { QueueUrl: QUEUE_URL, MessageBody: 'b' },
    json(
      { __type: 'com.amazonaws.sqs#QueueDoesNotExist', message: 'The specified queue does not exist.' },
      400,
    ),
  ],
  [
    'a refusal of SES',
    'ses',
    'SendRawEmail',
    { RawMessage: { Data: Buffer.from('') } },
    xml(
      '<ErrorResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><Error><Type>Sender</Type>' +
        '<Code>MessageRejected</Code><Message>Email address is not verified. &lt;a@example.org&gt;</Message></Error>' +
        '<RequestId>a</RequestId></ErrorResponse>',
      400,
    ),
  ],
  [
    'a refusal that SES has no shape for',
    'ses',
    'GetSendQuota',
    {},
    xml(
      '<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>',
      400,
    ),
  ],
  [
    'a refusal of SES v2',
    'sesv2',
    'SendEmail',
    { Content: { Raw: { Data: Buffer.from('') } } },
    json({ message: 'Email address is not verified.' }, 400, {
      'x-amzn-errortype': 'MessageRejected:http://internal.amazon.com/coral/com.amazonaws.ses/',
    }),
  ],
  [
    'a refusal of S3',
    's3',
    'GetObject',
    { Bucket: 'b', Key: 'k' },
    xml('<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>', 404),
  ],
];

let double: ServiceDouble;
let restoreEnvironment: () => void;

beforeAll(async () => {
  double = await startServiceDouble();
});
afterAll(() => double.close());
beforeEach(() => {
  double.requests.length = 0;
  restoreEnvironment = setEnvironment({ ...LAMBDA_ENVIRONMENT, AWS_ENDPOINT_URL: double.url });
});
afterEach(() => {
  restoreEnvironment();
});

async function call(side: Side, service: ServiceName, operation: string, input: object) {
  const client = side.open(service, { maxAttempts: 1 });
  const seen = double.requests.length;
  try {
    const { $metadata: _, ...output } = (await client.send(side.command(service, operation, input))) as {
      $metadata?: unknown;
      Body?: { transformToString(): Promise<string> };
    };
    // The SDK says so of a response without a body, and its users look at neither.
    const { $unknown: __, ...known } = output as Record<string, unknown>;
    const body = output.Body === undefined ? {} : { Body: await output.Body.transformToString() };
    return { output: { ...known, ...body }, request: double.requests[seen] as SeenRequest };
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    return {
      error: { name, message, status: $metadata?.httpStatusCode },
      request: double.requests[seen] as SeenRequest,
    };
  } finally {
    client.destroy();
  }
}

/** What decides what the service does: not the order of the fields, nor who asks. */
function meaningOf({ method, path, headers, body }: SeenRequest) {
  const isForm = headers['content-type'] === 'application/x-www-form-urlencoded';
  return {
    method,
    // The SDK names the operation in the query, for its own logs.
    path: path.replace(/\?x-id=\w+$/, ''),
    target: headers['x-amz-target'],
    type: headers['content-type'],
    body: isForm ? Object.fromEntries(new URLSearchParams(body)) : body === '' ? '' : JSON.parse(body),
  };
}

const signatureOf = ({ headers }: SeenRequest) => /Signature=(\w+)$/.exec(headers.authorization ?? '')?.[1];

describe.each(CALLS)('%s %s', (service, operation, input, answer) => {
  it('asks as the SDK does, and reads the response as it does', async () => {
    double.answers = [answer];
    const expected = await call(THE_SDK, service, operation, input);
    const actual = await call(THE_STAND_IN, service, operation, input);
    expect(meaningOf(actual.request)).toEqual(meaningOf(expected.request));
    expect(expected.output).toBeDefined();
    expect(expected.output).toMatchObject(actual.output ?? {});
    expect(actual.output).toMatchObject(neededOf(expected.output ?? {}));
  });

  it('is signed, with the session token', async () => {
    double.answers = [answer];
    const { request } = await call(THE_STAND_IN, service, operation, input);
    expect(request.headers['x-amz-security-token']).toBe('a-token');
    const { AWS_SECRET_ACCESS_KEY: secret = '' } = process.env;
    expect(signatureOf(request)).toBe(expectedSignature(request, secret));
    expect(request.headers.authorization).toMatch(
      /SignedHeaders=[^,]*host;.*x-amz-date;x-amz-security-token/,
    );
  });
});

/** S3 gives the SDK a dozen more headers, of which a payload has no use. */
function neededOf(output: object): object {
  if (!('Body' in output)) return output;
  const { Body, ContentLength } = output as { Body: unknown; ContentLength?: unknown };
  return { Body, ContentLength };
}

describe('a fault', () => {
  it.each(FAULTS)('is named as by the SDK: %s', async (_, service, operation, input, answer) => {
    double.answers = [answer];
    const expected = await call(THE_SDK, service, operation, input);
    const actual = await call(THE_STAND_IN, service, operation, input);
    expect(expected.error).toBeDefined();
    expect(actual.error).toEqual(expected.error);
  });
});
