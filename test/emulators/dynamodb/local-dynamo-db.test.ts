import {
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dynamoClient } from '../../../lib/adapters/dynamodb/dynamo-table.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';

describe('DynamoDB on this machine', () => {
  let aws: LocalDynamoDb;
  beforeEach(async () => {
    aws = await startDynamoDb();
  });
  afterEach(() => aws.close());

  const put = (name: string, fields: Record<string, { S: string }> = {}) =>
    aws.client.send(
      new PutItemCommand({ TableName: aws.suppressionTable, Item: { address: { S: name }, ...fields } }),
    );
  const get = (name: string) =>
    aws.client.send(
      new GetItemCommand({
        TableName: aws.suppressionTable,
        Key: { address: { S: name } },
        ConsistentRead: true,
      }),
    );

  /** The cost of the calls of an action. */
  async function costOf(action: () => Promise<unknown>) {
    const before = aws.capacityUsed();
    await action().catch(() => {});
    const after = aws.capacityUsed();
    return [after.readUnits - before.readUnits, after.writeUnits - before.writeUnits];
  }

  it('has both tables, with their keys', async () => {
    await put('a');
    expect((await get('a')).Item).toEqual({ address: { S: 'a' } });
    const Item = { id: { S: 'd#1' }, part: { N: '0' } };
    await aws.client.send(new PutItemCommand({ TableName: aws.ledgerTable, Item }));
    const found = await aws.client.send(new GetItemCommand({ TableName: aws.ledgerTable, Key: Item }));
    expect(found.Item).toEqual(Item);
  });

  it('is reached by the client of the adapters', async () => {
    const { endpoint, region, credentials } = aws;
    const client = dynamoClient({ endpoint, region, credentials: { ...credentials } });
    await client.send(
      new PutItemCommand({ TableName: aws.suppressionTable, Item: { address: { S: 'from afar' } } }),
    );
    client.destroy();

    expect((await get('from afar')).Item).toBeDefined();
  });

  it('fails like AWS', async () => {
    const puts = { service: 'dynamodb', action: 'PutItem' };
    aws.fault({ fault: { kind: 'throttle' }, on: puts });
    const { endpoint, region, credentials } = aws;
    const once = new DynamoDBClient({ endpoint, region, credentials: { ...credentials }, maxAttempts: 1 });
    const command = new PutItemCommand({ TableName: aws.suppressionTable, Item: { address: { S: 'a' } } });
    await expect(once.send(command)).rejects.toMatchObject({
      name: 'ThrottlingException',
      $metadata: { httpStatusCode: 400 },
    });
    once.destroy();
    expect((await get('a')).Item).toBeUndefined();

    aws.heal();
    aws.fault({ fault: { kind: 'reset', done: true }, on: puts, times: 1 });
    await put('a');
    expect((await get('a')).Item).toBeDefined();
    // The SDK retried after the reset.
    expect(aws.callsOf(puts)).toBe(3);
  });

  it('survives clients that give up', async () => {
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const Item = { address: { S: `hasty-${index}` } };
        const call = new AbortController();
        const arrived = aws.arrival({ action: 'PutItem' });
        const put = aws.client.send(new PutItemCommand({ TableName: aws.suppressionTable, Item }), {
          abortSignal: call.signal,
        });
        await arrived;
        call.abort();
        await put.catch(() => {});
      }),
    );

    await put('patient');
    expect((await get('patient')).Item).toBeDefined();
  });

  it('counts what AWS would charge', async () => {
    expect(await costOf(() => put('a'))).toEqual([0, 1]);
    expect(await costOf(() => put('b', { text: { S: 'x'.repeat(1500) } }))).toEqual([0, 2]);
    expect(await costOf(() => get('a'))).toEqual([1, 0]);
    expect(await costOf(() => aws.client.send(new ScanCommand({ TableName: aws.suppressionTable })))).toEqual(
      [0.5, 0],
    );
  });

  it('counts a query that finds nothing, and a write whose condition fails', async () => {
    const query = new QueryCommand({
      TableName: aws.ledgerTable,
      KeyConditionExpression: 'id = :id',
      ExpressionAttributeValues: { ':id': { S: 'd#none' } },
      ConsistentRead: true,
    });
    expect(await costOf(() => aws.client.send(query))).toEqual([1, 0]);
    const update = new UpdateItemCommand({
      TableName: aws.suppressionTable,
      Key: { address: { S: 'a' } },
      ConditionExpression: 'attribute_exists(address)',
    });
    expect(await costOf(() => aws.client.send(update))).toEqual([0, 1]);
  });
});
