import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { LEDGER_KEY, SUPPRESSION_KEY } from '../../adapters/dynamodb/constants.ts';
import type { AwsCalls, AwsFaultRule } from '../aws/aws-fault.ts';
import { type CallListener, FaultProxy } from '../aws/fault-proxy.ts';
import type { ConsumedCapacity } from './consumed-capacity.ts';
import { startDynalite } from './dynalite-server.ts';

const LOCAL_REGION = 'eu-west-1';
const LOCAL_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

const LEDGER_TABLE = 'ledger';
const SUPPRESSION_TABLE = 'suppression';

export type LocalDynamoDb = AsyncDisposable & {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly client: DynamoDBClient;
  readonly ledgerTable: string;
  readonly suppressionTable: string;
  /** Lets calls fail, until `times` is used up or `heal`. */
  fault(rule: AwsFaultRule): void;
  heal(): void;
  /** How many such calls have arrived, retries and failed ones included. */
  callsOf(calls: AwsCalls): number;
  /** Resolves when such a call next arrives. */
  arrival(calls: AwsCalls, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Calls the listener for each call from now on. */
  subscribe(listener: CallListener): void;
  /** What AWS would charge for all calls so far. @param table those for it alone */
  capacityUsed(table?: string): ConsumedCapacity;
  close(): Promise<void>;
};

/** Starts DynamoDB on 127.0.0.1, in memory, with the two tables of the pipeline. Items do not expire in it. */
export async function startDynamoDb(): Promise<LocalDynamoDb> {
  const server = await startDynalite();
  const proxy = await FaultProxy.start(server.port);
  const access = { endpoint: proxy.endpoint, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS };
  // The SDK writes a mark of its own into the credentials that it is given.
  const client = new DynamoDBClient({ ...access, credentials: { ...LOCAL_CREDENTIALS } });
  const close = async () => {
    client.destroy();
    await proxy.close();
    await server.close();
  };

  try {
    for (const table of TABLES) await createTable(client, table);
    return {
      ...access,
      client,
      ledgerTable: LEDGER_TABLE,
      suppressionTable: SUPPRESSION_TABLE,
      fault: (rule) => proxy.fault(rule),
      heal: () => proxy.heal(),
      callsOf: (calls) => proxy.callsOf(calls),
      arrival: (calls, wait) => proxy.arrival(calls, wait),
      subscribe: (listener) => proxy.subscribe(listener),
      capacityUsed: (table) => server.capacityUsed(table),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const TABLES: readonly CreateTableCommandInput[] = [
  {
    TableName: LEDGER_TABLE,
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [
      { AttributeName: LEDGER_KEY.partition, KeyType: 'HASH' },
      { AttributeName: LEDGER_KEY.sort, KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: LEDGER_KEY.partition, AttributeType: 'S' },
      { AttributeName: LEDGER_KEY.sort, AttributeType: 'N' },
    ],
  },
  {
    TableName: SUPPRESSION_TABLE,
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [{ AttributeName: SUPPRESSION_KEY.partition, KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: SUPPRESSION_KEY.partition, AttributeType: 'S' }],
  },
];

async function createTable(client: DynamoDBClient, table: CreateTableCommandInput): Promise<void> {
  await client.send(new CreateTableCommand(table));
  for (;;) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table.TableName }));
    if (Table?.TableStatus === 'ACTIVE') return;
  }
}
