import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LEDGER_KEY, SUPPRESSION_KEY } from '../../../lib/adapters/dynamodb/constants.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { TableCollector } from './collect-tables.ts';

describe('the metrics of a table', () => {
  let dynamoDb: LocalDynamoDb;
  let collector: TableCollector;
  let seen: string[];

  beforeEach(async () => {
    dynamoDb = await startDynamoDb();
    const tables = [
      { localName: dynamoDb.ledgerTable, name: 'the-ledger' },
      { localName: dynamoDb.suppressionTable, name: 'the-list' },
    ];
    seen = [];
    collector = new TableCollector(dynamoDb, tables, ({ namespace, name, dimensions, values }) =>
      seen.push(`${namespace} ${name} ${Object.values(dimensions).join(' ')} ${values}`),
    );
    dynamoDb.subscribe((call, fault) => collector.called(call, fault));
  });

  afterEach(() => dynamoDb.close());

  async function putIntoLedger(): Promise<void> {
    const Item = { [LEDGER_KEY.partition]: { S: 'a' }, [LEDGER_KEY.sort]: { N: '1' } };
    await dynamoDb.client.send(new PutItemCommand({ TableName: dynamoDb.ledgerTable, Item }));
  }

  async function readList(): Promise<void> {
    const Key = { [SUPPRESSION_KEY.partition]: { S: 'a' } };
    await dynamoDb.client.send(new GetItemCommand({ TableName: dynamoDb.suppressionTable, Key }));
  }

  it('report the usage of each table since the last sample, and nothing of an unused one', async () => {
    await putIntoLedger();
    await putIntoLedger();
    collector.sample(0);
    await readList();
    collector.sample(0);

    expect(seen).toEqual([
      'AWS/DynamoDB ConsumedWriteCapacityUnits the-ledger 2',
      'AWS/DynamoDB ConsumedReadCapacityUnits the-list 0.5',
    ]);
  });

  it('report each throttled call, the retries of the SDK separately', async () => {
    dynamoDb.fault({ fault: { kind: 'throttle' }, times: 1 });

    await putIntoLedger();

    expect(seen).toEqual([
      'AWS/DynamoDB ThrottledRequests the-ledger PutItem 1',
      'AWS/DynamoDB WriteThrottleEvents the-ledger 1',
    ]);
  });

  it('report nothing for other failed calls', async () => {
    dynamoDb.fault({ fault: { kind: 'error', status: 500 }, times: 1 });

    await readList();

    expect(seen).toEqual([]);
  });
});
