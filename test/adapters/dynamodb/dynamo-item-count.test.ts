import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { dynamoClient } from '../../../lib/adapters/dynamodb/dynamo-client.ts';
import { DynamoItemCount } from '../../../lib/adapters/dynamodb/dynamo-item-count.ts';
import { startDynamoDb } from '../../../lib/local/dynamodb/local-dynamo-db.ts';
import { startAnsweringServer } from '../../support/answering-server.ts';
import { STALLS, startStallingServer } from '../../support/stalling-server.ts';

const TABLE = 'suppression';
const TIMEOUT_MS = 3_000;

function clientAt(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return dynamoClient({ endpoint, region: 'eu-west-1', credentials });
}

describe('the count of items', () => {
  it('is that of its table', async () => {
    const counts: Readonly<Record<string, number>> = { suppression: 1234, ledger: 5 };
    const server = await startAnsweringServer('application/x-amz-json-1.0', (body) =>
      JSON.stringify({ Table: { ItemCount: counts[JSON.parse(body).TableName] } }),
    );
    const client = clientAt(server.url);
    expect(await new DynamoItemCount(client, TABLE, TIMEOUT_MS).items()).toBe(1234);
    client.destroy();
    await server.close();
  });

  it('is none of a table that is new, and an error of one that is not there', async () => {
    const dynamoDb = await startDynamoDb();
    const client = clientAt(dynamoDb.endpoint);
    const countOf = (tableName: string) => new DynamoItemCount(client, tableName, TIMEOUT_MS).items();
    expect(await countOf(dynamoDb.suppressionTable)).toBe(0);
    await expect(countOf('another')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    client.destroy();
    await dynamoDb.close();
  });

  it.each([
    '{}',
    '{"Table":null}',
    '{"Table":{}}',
    '{"Table":{"ItemCount":-1}}',
    '{"Table":{"ItemCount":1.5}}',
  ])('is not known by the answer %s', async (answer) => {
    const server = await startAnsweringServer('application/x-amz-json-1.0', () => answer);
    const client = clientAt(server.url);
    expect(await new DynamoItemCount(client, TABLE, TIMEOUT_MS).items()).toBeUndefined();
    client.destroy();
    await server.close();
  });

  it('is asked for in vain where DynamoDB fails, breaks off or denies it', async () => {
    const dynamoDb = await startDynamoDb();
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
    client.destroy();
    await dynamoDb.close();
  });

  it.each(STALLS)('is given up where the answer %s', async (stall) => {
    const server = await startStallingServer(stall);
    const client = clientAt(server.url);
    await expect(new DynamoItemCount(client, TABLE, 200).items()).rejects.toBeDefined();
    client.destroy();
    await server.close();
  });
});
