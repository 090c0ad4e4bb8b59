import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { DynamoEventLatencies } from '../../../lib/adapters/dynamodb/dynamo-event-latencies.ts';
import { DynamoLedger, DynamoStatusLedger } from '../../../lib/adapters/dynamodb/dynamo-ledger.ts';
import {
  DynamoSuppressionEntries,
  DynamoSuppressionList,
  DynamoSuppressionReports,
} from '../../../lib/adapters/dynamodb/dynamo-suppression.ts';
import { dynamoClient } from '../../../lib/adapters/dynamodb/dynamo-table.ts';
import { countLatencies } from '../../../lib/domain/event-latency.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import type { SendBatch } from '../../../lib/ports/ledger.ts';
import { STALLS, startStallingServer } from '../../support/stalling-server.ts';
import { aClaim, aNewPart, claimed } from './a-part.ts';

const TIMEOUT_MS = 100;
const NOW = new Date();
const clock = { now: () => NOW };
const table = { tableName: 'ledger', timeoutMs: TIMEOUT_MS };
const ledgerOptions = { ...table, retentionDays: 90 };
const suppressionOptions = {
  tableName: 'suppression',
  timeoutMs: TIMEOUT_MS,
  policy: { softBounces: 3, windowDays: 7 },
};
const part = aNewPart();
const known: SendBatch = { ...part, state: 'open' };
const statuses = { ...part, sesMessageId: 'a', sentAt: NOW, statuses: {} };
const signal = { kind: 'complaint', at: NOW, deliveryId: 'd', sesMessageId: 'm' } as const;
const pace = { counts: countLatencies([1]), newestSentAt: NOW };

const CALLS: [string, (client: DynamoDBClient) => Promise<unknown>][] = [
  ['partsOf', (client) => new DynamoLedger(client, ledgerOptions, clock).partsOf('a')],
  ['open', (client) => new DynamoLedger(client, ledgerOptions, clock).open(aNewPart())],
  ['claimAgain', (client) => new DynamoLedger(client, ledgerOptions, clock).claimAgain(known, [], aClaim())],
  [
    'settle',
    (client) => new DynamoLedger(client, ledgerOptions, clock).settle(claimed(part), { kind: 'open' }),
  ],
  ['read', (client) => new DynamoStatusLedger(client, ledgerOptions, clock).read('a', 0)],
  ['write', (client) => new DynamoStatusLedger(client, ledgerOptions, clock).write(statuses, 0)],
  ['recent', (client) => new DynamoEventLatencies(client, table).recent(NOW)],
  ['add latencies', (client) => new DynamoEventLatencies(client, table).add(pace, NOW)],
  ['find', (client) => new DynamoSuppressionList(client, suppressionOptions).find(['a@b.example'], NOW)],
  [
    'report',
    (client) => new DynamoSuppressionReports(client, suppressionOptions).report('a@b.example', signal),
  ],
  ['add', (client) => new DynamoSuppressionEntries(client, suppressionOptions).add('a@b.example', NOW)],
  ['remove', (client) => new DynamoSuppressionEntries(client, suppressionOptions).remove('a@b.example', NOW)],
  [
    'list',
    (client) =>
      new DynamoSuppressionEntries(client, suppressionOptions).list(NOW)[Symbol.asyncIterator]().next(),
  ],
];

function clientAt(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return dynamoClient({ endpoint, region: 'eu-west-1', credentials });
}

/** A call without a time limit outlasts its test. */
const TEST_TIMEOUT_MS = 10_000;

describe.each(CALLS)('%s', (_name, call) => {
  it.each(STALLS)(
    'times out if DynamoDB %s, including the retries of the SDK',
    async (stall) => {
      const server = await startStallingServer(stall);
      const client = clientAt(server.url);
      await expect(call(client)).rejects.toBeDefined();
      client.destroy();
      await server.close();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'throws if DynamoDB throttles, fails or is down',
    async () => {
      const aws: LocalDynamoDb = await startDynamoDb();
      const client = clientAt(aws.endpoint);
      for (const fault of [
        { kind: 'throttle' },
        { kind: 'error', status: 503 },
        { kind: 'denied' },
      ] as const) {
        aws.heal();
        aws.fault({ fault });
        await expect(call(client)).rejects.toBeDefined();
      }
      await aws.close();
      await expect(call(client)).rejects.toBeDefined();
      client.destroy();
    },
    TEST_TIMEOUT_MS,
  );
});

it(
  'throws if DynamoDB keeps returning the recipients as UnprocessedKeys',
  async () => {
    const server = createServer(async (request, response) => {
      const { RequestItems } = JSON.parse(await text(request));
      response.setHeader('content-type', 'application/x-amz-json-1.0');
      response.end(JSON.stringify({ Responses: {}, UnprocessedKeys: RequestItems }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = clientAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

    const found = new DynamoSuppressionList(client, suppressionOptions).find(['a@b.example'], NOW);
    await expect(found).rejects.toMatchObject({ name: 'AbortError' });

    client.destroy();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  },
  TEST_TIMEOUT_MS,
);
