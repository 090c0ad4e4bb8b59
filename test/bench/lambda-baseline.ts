/**
 * What one would write instead of the resend Lambda, for `npm run bench:lambda`: the clients of the SDK, and for each
 * mail the calls that the resend Lambda makes, those that do not depend on each other side by side. It decides nothing
 * by what they answer.
 */
import { randomUUID } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { SESClient, SendRawEmailCommand } from '@aws-sdk/client-ses';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';

const {
  LEDGER_TABLE: ledgerTable = '',
  SUPPRESSION_TABLE: suppressionTable = '',
  RECEIPTS_QUEUE_URL: receiptsQueue = '',
  CONFIGURATION_SET: configurationSet = '',
} = process.env;

const dynamoDb = new DynamoDBClient({});
const ses = new SESClient({ maxAttempts: 1 });
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });

const LINE_KEY = { id: { S: 'baseline-line' }, part: { N: '0' } };

/** Of the item that counts the mails of all functions; undefined before the first one. */
let lineVersion: number | undefined;

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const results = await Promise.allSettled(event.Records.map(resend));
  return {
    batchItemFailures: event.Records.filter((_, index) => results[index]?.status === 'rejected').map(
      ({ messageId }) => ({ itemIdentifier: messageId }),
    ),
  };
}

async function resend({ body }: SQSRecord): Promise<void> {
  const { id, tenantId, envelope, content } = JSON.parse(body);
  const data = Buffer.from(content.data, 'base64');
  const mime = content.encoding === 'zstd' ? zstdDecompressSync(data) : data;
  await Promise.all([findSuppressed(envelope.to), takeTurn()]);

  const key = { id: { S: `d#${id}` }, part: { N: '0' } };
  await dynamoDb.send(
    new PutItemCommand({
      TableName: ledgerTable,
      Item: {
        ...key,
        state: { S: 'sending' },
        claim: { S: randomUUID() },
        recipients: { L: envelope.to.map((address: string) => ({ S: address })) },
        claimedAt: { S: new Date().toISOString() },
        expires: { N: String(Math.ceil(Date.now() / 1000) + 90 * 86_400) },
      },
      ConditionExpression: 'attribute_not_exists(#id)',
      ExpressionAttributeNames: { '#id': 'id' },
    }),
  );
  const { MessageId = '' } = await ses.send(
    new SendRawEmailCommand({
      Source: envelope.from,
      Destinations: envelope.to,
      RawMessage: { Data: mime },
      ConfigurationSetName: configurationSet,
      Tags: [
        { Name: 'deliveryId', Value: id },
        { Name: 'part', Value: '0' },
      ],
    }),
  );
  const sentAt = new Date().toISOString();
  await dynamoDb.send(
    new UpdateItemCommand({
      TableName: ledgerTable,
      Key: key,
      UpdateExpression: 'SET #state = :state, #sesMessageId = :sesMessageId, #sentAt = :sentAt',
      ExpressionAttributeNames: { '#state': 'state', '#sesMessageId': 'sesMessageId', '#sentAt': 'sentAt' },
      ExpressionAttributeValues: {
        ':state': { S: 'sent' },
        ':sesMessageId': { S: MessageId },
        ':sentAt': { S: sentAt },
      },
    }),
  );
  await sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: receiptsQueue,
      Entries: envelope.to.map((address: string, index: number) => ({
        Id: String(index),
        MessageBody: JSON.stringify({
          id,
          tenantId,
          address,
          status: 'sent',
          sesMessageId: MessageId,
          at: sentAt,
        }),
        MessageGroupId: tenantId,
      })),
    }),
  );
  console.log(JSON.stringify({ level: 'INFO', message: 'resent', deliveryId: id, sesMessageId: MessageId }));
}

async function findSuppressed(addresses: readonly string[]): Promise<void> {
  await dynamoDb.send(
    new BatchGetItemCommand({
      RequestItems: {
        [suppressionTable]: { Keys: addresses.map((address) => ({ address: { S: address } })) },
      },
    }),
  );
}

/** A conditional write, so that all functions together keep to the send rate. */
async function takeTurn(): Promise<void> {
  lineVersion ??= await readLine();
  const condition =
    lineVersion === 0
      ? { ConditionExpression: 'attribute_not_exists(#version)' }
      : {
          ConditionExpression: '#version = :version',
          ExpressionAttributeValues: { ':version': { N: String(lineVersion) } },
        };
  await dynamoDb.send(
    new PutItemCommand({
      TableName: ledgerTable,
      Item: { ...LINE_KEY, version: { N: String(lineVersion + 1) }, nextSlotMs: { N: String(Date.now()) } },
      ExpressionAttributeNames: { '#version': 'version' },
      ...condition,
    }),
  );
  lineVersion += 1;
}

async function readLine(): Promise<number> {
  const { Item } = await dynamoDb.send(
    new GetItemCommand({ TableName: ledgerTable, Key: LINE_KEY, ConsistentRead: true }),
  );
  return Number(Item?.version?.N ?? 0);
}
