import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { LEDGER_KEY, SUPPRESSION_KEY } from '../../adapters/dynamodb/constants.ts';
import type { AwsCalls, AwsFaultHandle, AwsFaultRule } from '../aws/aws-fault.ts';
import { type CallListener, FaultProxy } from '../aws/fault-proxy.ts';
import {
  askingForCapacity,
  type ConsumedCapacity,
  capacityOf,
  capacitySum,
  NOTHING,
  tableOf,
} from './consumed-capacity.ts';

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
  /** Makes calls fail, until `times` is used up, it is removed, or `heal`. */
  fault(rule: AwsFaultRule): AwsFaultHandle;
  heal(): void;
  /** Number of matching calls so far, including retries and failed calls. */
  callsOf(calls: AwsCalls): number;
  /** Resolves when the next matching call arrives. */
  arrival(calls: AwsCalls, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Calls the listener for each call from now on. */
  subscribe(listener: CallListener): void;
  /** What AWS would charge for all calls so far. @param table only calls for this table */
  capacityUsed(table?: string): ConsumedCapacity;
  close(): Promise<void>;
};

/** Starts an in-memory DynamoDB on 127.0.0.1 with the pipeline's two tables. Items do not expire. */
export async function startDynamoDb(): Promise<LocalDynamoDb> {
  const server = await startDynalite();
  const proxy = await FaultProxy.start(server.port);
  const access = { endpoint: proxy.endpoint, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS };
  // A copy, since the SDK modifies the credentials object.
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

type DynaliteServer = {
  readonly port: number;
  /** Of all calls so far. @param table only calls for this table */
  capacityUsed(table?: string): ConsumedCapacity;
  close(): Promise<void>;
};

/**
 * Starts dynalite in memory on a free port of 127.0.0.1, and measures capacity. It gets requests without its
 * own socket: with one it would throw an uncatchable error when a client aborts a call.
 */
async function startDynalite(): Promise<DynaliteServer> {
  const emulator = dynalite({ createTableMs: 0 });
  const used = new Map<string, ConsumedCapacity>();

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const action = readAction(incoming);
    const body = askingForCapacity(action, await text(incoming));
    const response = await callDynalite(emulator, incoming, body);
    const table = tableOf(body);
    used.set(table, capacitySum(used.get(table) ?? NOTHING, capacityOf(action, body, response.body)));
    outgoing.writeHead(response.status, response.headers).end(response.body);
  };

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    capacityUsed: (table) =>
      table === undefined ? [...used.values()].reduce(capacitySum, NOTHING) : (used.get(table) ?? NOTHING),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Response = { readonly status: number; readonly headers: Record<string, string>; readonly body: string };

/** Passes a request to dynalite and captures its response; defines only the members that dynalite uses. */
function callDynalite(
  emulator: Server,
  { method, url, headers }: IncomingMessage,
  body: string,
): Promise<Response> {
  return new Promise((resolve) => {
    const written: Record<string, string> = {};
    const response = {
      statusCode: 200,
      setHeader: (name: string, value: unknown) => {
        written[name] = String(value);
      },
      end: (sent: string) => resolve({ status: response.statusCode, headers: written, body: sent }),
    };
    emulator.emit(
      'request',
      Object.assign(Readable.from([Buffer.from(body)]), { method, url, headers }),
      response,
    );
  });
}

function readAction({ headers }: IncomingMessage): string {
  const target = String(headers['x-amz-target'] ?? '');
  return target.slice(target.lastIndexOf('.') + 1);
}
