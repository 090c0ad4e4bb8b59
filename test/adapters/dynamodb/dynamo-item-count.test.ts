import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DynamoItemCount } from '../../../lib/adapters/dynamodb/dynamo-item-count.ts';
import { dynamoClient } from '../../../lib/adapters/dynamodb/dynamo-table.ts';
import { startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { startAnsweringServer } from '../../support/answering-server.ts';
import { STALLS, startStallingServer } from '../../support/stalling-server.ts';

const TABLE = 'suppression';
const TIMEOUT_MS = 3_000;

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Closes something after the test. */
function open<Part extends { close(): Promise<void> }>(part: Part): Part {
  closers.push(() => part.close());
  return part;
}

function clientAt(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = dynamoClient({ endpoint, region: 'eu-west-1', credentials });
  closers.unshift(async () => client.destroy());
  return client;
}

describe('the count of items', () => {
  it('is that of its table', async () => {
    const counts: Readonly<Record<string, number>> = { suppression: 1234, ledger: 5 };
    const server = open(
      await startAnsweringServer('application/x-amz-json-1.0', (body) =>
        JSON.stringify({ Table: { ItemCount: counts[JSON.parse(body).TableName] } }),
      ),
    );
    const client = clientAt(server.url);
    expect(await new DynamoItemCount(client, TABLE, TIMEOUT_MS).items()).toBe(1234);
  });

  it('is 0 for a new table, and an error for one that does not exist', async () => {
    const dynamoDb = open(await startDynamoDb());
    const client = clientAt(dynamoDb.endpoint);
    const countOf = (tableName: string) => new DynamoItemCount(client, tableName, TIMEOUT_MS).items();
    expect(await countOf(dynamoDb.suppressionTable)).toBe(0);
    await expect(countOf('another')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it.each([
    '{}',
    '{"Table":null}',
    '{"Table":{}}',
    '{"Table":{"ItemCount":-1}}',
    '{"Table":{"ItemCount":1.5}}',
  ])('is unknown if the response is %s', async (response) => {
    const server = open(await startAnsweringServer('application/x-amz-json-1.0', () => response));
    const client = clientAt(server.url);
    expect(await new DynamoItemCount(client, TABLE, TIMEOUT_MS).items()).toBeUndefined();
  });

  it('rejects if DynamoDB fails, resets the connection or denies access', async () => {
    const dynamoDb = open(await startDynamoDb());
    const client = clientAt(dynamoDb.endpoint);
    for (const fault of [
      { kind: 'error', status: 500 },
      { kind: 'reset', done: true },
      { kind: 'denied' },
    ] as const) {
      dynamoDb.heal();
      dynamoDb.fault({ fault });
      await expect(new DynamoItemCount(client, TABLE, TIMEOUT_MS).items()).rejects.toBeDefined();
    }
  });

  it.each(STALLS)('times out if the response %s', async (stall) => {
    const server = open(await startStallingServer(stall));
    const client = clientAt(server.url);
    await expect(new DynamoItemCount(client, TABLE, 200).items()).rejects.toBeDefined();
  });
});
