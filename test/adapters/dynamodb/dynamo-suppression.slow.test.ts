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

const strike = (
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
  it('who never was heard of is not suppressed, and no recipients are not asked for', async () => {
    expect(await list.find(['marie@example.org'], NOW)).toEqual(new Map());
    const calls = aws.callsOf({ action: 'BatchGetItem' });
    expect(await list.find([], NOW)).toEqual(new Map());
    expect(aws.callsOf({ action: 'BatchGetItem' })).toBe(calls);
  });

  it.each(['hard-bounce', 'complaint'] as const)(
    'is suppressed for ever by a %s, however written',
    async (kind) => {
      await reports.report('Marie@Bücher.example', strike(kind));

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

  it('is suppressed by soft bounces for a while, and then forgotten', async () => {
    for (const day of [0, 1]) await reports.report('m@example.org', strike('soft-bounce', daysFromNow(day)));
    expect(await list.find(['m@example.org'], daysFromNow(1))).toEqual(new Map());
    await reports.report('m@example.org', strike('soft-bounce', daysFromNow(2)));
    expect(await list.find(['m@example.org'], daysFromNow(2))).toEqual(
      new Map([
        ['m@example.org', { reason: 'soft-bounces', since: daysFromNow(2), deliveryId: 'delivery-1' }],
      ]),
    );
    expect(await list.find(['m@example.org'], daysFromNow(8))).toEqual(new Map());
    expect(await expiryOf('m@example.org')).toEqual(daysFromNow(9));

    await reports.report('m@example.org', strike('hard-bounce', daysFromNow(3)));
    expect(await expiryOf('m@example.org')).toBeUndefined();
  });
});

describe('reports', () => {
  it('of twelve soft bounces at once are all counted', async () => {
    const policy = { softBounces: 12, windowDays: 7 };
    const patient = new DynamoSuppressionList(aws.client, {
      tableName: aws.suppressionTable,
      policy,
      timeoutMs: 10_000,
    });
    await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        reports.report('m@example.org', strike('soft-bounce', NOW, `m-${index}`)),
      ),
    );
    expect((await patient.find(['m@example.org'], NOW)).size).toBe(1);
  });

  it('that say the same again write nothing', async () => {
    await reports.report('m@example.org', strike('hard-bounce'));
    const { writeUnits } = aws.capacityUsed();
    await reports.report('m@example.org', strike('hard-bounce'));
    expect(aws.capacityUsed().writeUnits).toBe(writeUnits);
  });

  it('come through where the answer was lost', async () => {
    aws.fault({ fault: { kind: 'reset', done: true }, on: { action: 'PutItem' }, times: 1 });
    await reports.report('m@example.org', strike('soft-bounce'));
    // The first try, and the second whose condition did not hold: no third was needed.
    expect(aws.callsOf({ action: 'PutItem' })).toBe(2);
    for (const day of [1, 2]) await reports.report('m@example.org', strike('soft-bounce', daysFromNow(day)));
    expect((await list.find(['m@example.org'], daysFromNow(2))).size).toBe(1);
  });
});

describe('the person who looks after the list', () => {
  it('puts an address on it, and takes it off', async () => {
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
    'forgives a %s that is only heard of later, and not one that comes later',
    async (kind) => {
      await entries.remove('m@example.org', NOW);
      expect(await expiryOf('m@example.org')).toEqual(daysFromNow(30));
      const times = (first: number) => [0, 0.1, 0.2].map((part) => daysFromNow(first + part));
      for (const at of times(-1)) await reports.report('m@example.org', strike(kind, at));
      expect(await list.find(['m@example.org'], NOW)).toEqual(new Map());
      expect(await expiryOf('m@example.org')).toEqual(daysFromNow(30));
      for (const at of times(1)) await reports.report('m@example.org', strike(kind, at));
      expect((await list.find(['m@example.org'], daysFromNow(2))).size).toBe(1);
    },
  );

  it('sees entries that do not fit into one answer of DynamoDB', async () => {
    const padding = 'x'.repeat(300_000);
    const addresses = Array.from({ length: 5 }, (_, index) => `r${index}@example.org`);
    for (const address of addresses) await putPadded(address, padding);
    expect((await listed()).map(({ address }) => address).sort()).toEqual(addresses);
    expect(aws.callsOf({ action: 'Scan' })).toBeGreaterThan(1);
  });
});

describe('a look-up', () => {
  it('of more recipients than one call takes finds each', async () => {
    const addresses = Array.from({ length: 250 }, (_, index) => `r${index}@example.org`);
    const suppressed = addresses.filter((_, index) => index % 25 === 0);
    for (const address of suppressed) await entries.add(address, NOW);
    expect([...(await list.find(addresses, NOW)).keys()].sort()).toEqual([...suppressed].sort());
    expect(aws.callsOf({ action: 'BatchGetItem' })).toBe(3);
  });

  it('asks again for what DynamoDB left out', async () => {
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

  it('names a damaged item without its address', async () => {
    const Item = marshall({ address: 'marie@example.org', version: 1, manual: 'secret' });
    await aws.client.send(new PutItemCommand({ TableName: aws.suppressionTable, Item }));
    const failure = await list.find(['marie@example.org'], NOW).catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'DamagedItemError', code: 'DamagedItem' });
    expect(String(failure)).toContain('m***@example.org');
    expect(String(failure)).not.toMatch(/marie|secret/);
  });
});

/** An entry as a person makes it, with something that only makes it large. */
async function putPadded(address: string, padding: string) {
  const Item = marshall({ address, version: 1, manual: { at: NOW.toISOString() }, padding });
  await aws.client.send(new PutItemCommand({ TableName: aws.suppressionTable, Item }));
}
