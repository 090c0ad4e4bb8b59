import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  DynamoSuppressionEntries,
  DynamoSuppressionList,
  DynamoSuppressionReports,
} from '../../../lib/adapters/dynamodb/dynamo-suppression.ts';
import { DAY_MS } from '../../../lib/common/time.ts';
import type { SuppressionSignal } from '../../../lib/domain/suppression.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';

const NOW = new Date('2026-03-01T10:00:00Z');
const daysFromNow = (days: number) => new Date(NOW.getTime() + days * DAY_MS);

let aws: LocalDynamoDb;
let list: DynamoSuppressionList;
let reports: DynamoSuppressionReports;
let entries: DynamoSuppressionEntries;

beforeEach(async () => {
  aws = await startDynamoDb();
  const policy = { softBounces: 3, windowDays: 7 };
  const options = { tableName: aws.suppressionTable, policy, timeoutMs: 10_000 };
  list = new DynamoSuppressionList(aws.client, options);
  reports = new DynamoSuppressionReports(aws.client, options);
  entries = new DynamoSuppressionEntries(aws.client, options);
});
afterEach(() => aws.close());

const aSignal = (
  kind: SuppressionSignal['kind'],
  at = NOW,
  sesMessageId = `m-${at.getTime()}`,
): SuppressionSignal => ({
  kind,
  at,
  deliveryId: 'delivery-1',
  sesMessageId,
});

async function expiryOf(address: string): Promise<Date | undefined> {
  const Key = marshall({ address });
  const { Item } = await aws.client.send(new GetItemCommand({ TableName: aws.suppressionTable, Key }));
  return Item?.expires?.N === undefined ? undefined : new Date(Number(Item.expires.N) * 1000);
}

async function listed(now = NOW) {
  const found = [];
  for await (const entry of entries.list(now)) found.push(entry);
  return found;
}

describe('a recipient', () => {
  it('is not suppressed if unknown, and no call is made without recipients', async () => {
    expect(await list.find(['marie@example.org'], NOW)).toEqual(new Map());
    const calls = aws.callsOf({ action: 'BatchGetItem' });
    expect(await list.find([], NOW)).toEqual(new Map());
    expect(aws.callsOf({ action: 'BatchGetItem' })).toBe(calls);
  });

  it.each(['hard-bounce', 'complaint'] as const)(
    'is permanently suppressed by a %s, in any spelling',
    async (kind) => {
      await reports.report('Marie@Bücher.example', aSignal(kind));

      const key = 'marie@xn--bcher-kva.example';
      const suppression = { reason: kind, since: NOW, deliveryId: 'delivery-1' };
      const found = await list.find(
        ['MARIE@bücher.example', 'marie@BÜCHER.example', 'paul@example.org'],
        daysFromNow(1000),
      );
      expect(found).toEqual(new Map([[key, suppression]]));
      expect(await listed(daysFromNow(1000))).toEqual([{ address: key, suppression }]);
      expect(await expiryOf(key)).toBeUndefined();
    },
  );

  it('is suppressed by soft bounces for a while, and then expires', async () => {
    for (const day of [0, 1]) await reports.report('m@example.org', aSignal('soft-bounce', daysFromNow(day)));
    expect(await list.find(['m@example.org'], daysFromNow(1))).toEqual(new Map());
    await reports.report('m@example.org', aSignal('soft-bounce', daysFromNow(2)));
    expect(await list.find(['m@example.org'], daysFromNow(2))).toEqual(
      new Map([
        ['m@example.org', { reason: 'soft-bounces', since: daysFromNow(2), deliveryId: 'delivery-1' }],
      ]),
    );
    expect(await list.find(['m@example.org'], daysFromNow(8))).toEqual(new Map());
    expect(await expiryOf('m@example.org')).toEqual(daysFromNow(9));

    await reports.report('m@example.org', aSignal('hard-bounce', daysFromNow(3)));
    expect(await expiryOf('m@example.org')).toBeUndefined();
  });
});

describe('reports', () => {
  it('are all counted if twelve soft bounces arrive at once', async () => {
    const policy = { softBounces: 12, windowDays: 7 };
    const patient = new DynamoSuppressionList(aws.client, {
      tableName: aws.suppressionTable,
      policy,
      timeoutMs: 10_000,
    });
    await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        reports.report('m@example.org', aSignal('soft-bounce', NOW, `m-${index}`)),
      ),
    );
    expect((await patient.find(['m@example.org'], NOW)).size).toBe(1);
  });

  it('write nothing if they are repeated', async () => {
    await reports.report('m@example.org', aSignal('hard-bounce'));
    const { writeUnits } = aws.capacityUsed();
    await reports.report('m@example.org', aSignal('hard-bounce'));
    expect(aws.capacityUsed().writeUnits).toBe(writeUnits);
  });

  it('succeed if the response was lost', async () => {
    aws.fault({ fault: { kind: 'reset', done: true }, on: { action: 'PutItem' }, times: 1 });
    await reports.report('m@example.org', aSignal('soft-bounce'));
    // The first attempt, and the second whose condition failed: no third was needed.
    expect(aws.callsOf({ action: 'PutItem' })).toBe(2);
    for (const day of [1, 2]) await reports.report('m@example.org', aSignal('soft-bounce', daysFromNow(day)));
    expect((await list.find(['m@example.org'], daysFromNow(2))).size).toBe(1);
  });
});

describe('an operator of the list', () => {
  it('adds an address, and removes it', async () => {
    await entries.add('Marie@Example.org', NOW);
    expect(await listed()).toEqual([
      { address: 'marie@example.org', suppression: { reason: 'manual', since: NOW } },
    ]);
    expect(await expiryOf('marie@example.org')).toBeUndefined();
    await entries.remove('mariE@example.org', daysFromNow(1));
    expect(await listed(daysFromNow(1))).toEqual([]);
    await entries.add('marie@example.org', daysFromNow(2));
    expect(await listed(daysFromNow(2))).toHaveLength(1);
    expect(await expiryOf('marie@example.org')).toBeUndefined();
  });

  it.each(['hard-bounce', 'complaint', 'soft-bounce'] as const)(
    'forgives a %s that is only reported later, and not one that happens later',
    async (kind) => {
      await entries.remove('m@example.org', NOW);
      expect(await expiryOf('m@example.org')).toEqual(daysFromNow(30));
      const times = (first: number) => [0, 0.1, 0.2].map((part) => daysFromNow(first + part));
      for (const at of times(-1)) await reports.report('m@example.org', aSignal(kind, at));
      expect(await list.find(['m@example.org'], NOW)).toEqual(new Map());
      expect(await expiryOf('m@example.org')).toEqual(daysFromNow(30));
      for (const at of times(1)) await reports.report('m@example.org', aSignal(kind, at));
      expect((await list.find(['m@example.org'], daysFromNow(2))).size).toBe(1);
    },
  );

  it('lists entries that do not fit into one response of DynamoDB', async () => {
    const padding = 'x'.repeat(300_000);
    const addresses = Array.from({ length: 5 }, (_, index) => `r${index}@example.org`);
    for (const address of addresses) await putPadded(address, padding);
    expect((await listed()).map(({ address }) => address).sort()).toEqual(addresses);
    expect(aws.callsOf({ action: 'Scan' })).toBeGreaterThan(1);
  });
});

describe('a look-up', () => {
  it('finds each of more recipients than fit into one call', async () => {
    const addresses = Array.from({ length: 250 }, (_, index) => `r${index}@example.org`);
    const suppressed = addresses.filter((_, index) => index % 25 === 0);
    for (const address of suppressed) await entries.add(address, NOW);
    expect([...(await list.find(addresses, NOW)).keys()].sort()).toEqual([...suppressed].sort());
    expect(aws.callsOf({ action: 'BatchGetItem' })).toBe(3);
  });

  it('retries unprocessed keys', async () => {
    const padding = 'x'.repeat(390_000);
    const addresses = Array.from({ length: 10 }, (_, index) => `r${index}@example.org`);
    for (const address of addresses) await putPadded(address, padding);
    expect((await list.find(addresses, NOW)).size).toBe(10);
    expect(aws.callsOf({ action: 'BatchGetItem' })).toBeGreaterThan(1);
  });

  it('costs half a read unit', async () => {
    await entries.add('m@example.org', NOW);
    const { readUnits } = aws.capacityUsed();
    await list.find(['m@example.org'], NOW);
    expect(aws.capacityUsed().readUnits - readUnits).toBe(0.5);
  });

  it('reports a damaged item without its address', async () => {
    const Item = marshall({ address: 'marie@example.org', version: 1, manual: 'secret' });
    await aws.client.send(new PutItemCommand({ TableName: aws.suppressionTable, Item }));
    const failure = await list.find(['marie@example.org'], NOW).catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'DamagedItemError', code: 'DamagedItem' });
    expect(String(failure)).toContain('m***@example.org');
    expect(String(failure)).not.toMatch(/marie|secret/);
  });
});

/** An entry that an operator added, with padding that only makes it large. */
async function putPadded(address: string, padding: string) {
  const Item = marshall({ address, version: 1, manual: { at: NOW.toISOString() }, padding });
  await aws.client.send(new PutItemCommand({ TableName: aws.suppressionTable, Item }));
}
