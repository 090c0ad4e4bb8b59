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
import type { AwsCalls, AwsFaultRule } from '../aws/aws-fault.ts';
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

type DynaliteServer = {
  readonly port: number;
  /** Of all calls so far. @param table those for it alone */
  capacityUsed(table?: string): ConsumedCapacity;
  close(): Promise<void>;
};

/**
 * dynalite on a free port of 127.0.0.1, in memory, with a meter. It is asked in place of being listened to: on a
 * socket of its own it would throw, where nobody can catch it, as soon as a client gives up a call.
 */
async function startDynalite(): Promise<DynaliteServer> {
  const emulator = dynalite({ createTableMs: 0 });
  const used = new Map<string, ConsumedCapacity>();

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const action = actionOf(incoming);
    const body = askingForCapacity(action, await text(incoming));
    const answer = await ask(emulator, incoming, body);
    const table = tableOf(body);
    used.set(table, capacitySum(used.get(table) ?? NOTHING, capacityOf(action, body, answer.body)));
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
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

type Answer = { readonly status: number; readonly headers: Record<string, string>; readonly body: string };

/** Hands dynalite a request, and takes what it would write: it uses no more of them than is made here. */
function ask(emulator: Server, { method, url, headers }: IncomingMessage, body: string): Promise<Answer> {
  return new Promise((resolve) => {
    const written: Record<string, string> = {};
    const answer = {
      statusCode: 200,
      setHeader: (name: string, value: unknown) => {
        written[name] = String(value);
      },
      end: (sent: string) => resolve({ status: answer.statusCode, headers: written, body: sent }),
    };
    emulator.emit(
      'request',
      Object.assign(Readable.from([Buffer.from(body)]), { method, url, headers }),
      answer,
    );
  });
}

function actionOf({ headers }: IncomingMessage): string {
  const target = String(headers['x-amz-target'] ?? '');
  return target.slice(target.lastIndexOf('.') + 1);
}
