import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DynamoEventLatencies } from '../../../lib/adapters/dynamodb/dynamo-event-latencies.ts';
import { HOUR_MS } from '../../../lib/common/time.ts';
import { addCounts, countLatencies } from '../../../lib/domain/event-latency.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';

const NOW = new Date('2026-03-01T10:30:00Z');
const hoursAgo = (hours: number) => new Date(NOW.getTime() - hours * HOUR_MS);

const NONE = countLatencies([]);
/** One in each latency class, and two in the first. */
const SOME = countLatencies([
  1, 500, 1500, 3000, 7000, 15_000, 25_000, 45_000, 90_000, 200_000, 400_000, 900_000, 3e6, 9e9,
]);

describe('the latencies of events', () => {
  let aws: LocalDynamoDb;
  let latencies: DynamoEventLatencies;
  beforeEach(async () => {
    aws = await startDynamoDb();
    latencies = new DynamoEventLatencies(aws.client, { tableName: aws.ledgerTable, timeoutMs: 10_000 });
  });
  afterEach(() => aws.close());

  const hourItem = async (at: Date) => {
    const Key = marshall({ id: 'latency', part: Math.floor(at.getTime() / HOUR_MS) });
    return (await aws.client.send(new GetItemCommand({ TableName: aws.ledgerTable, Key }))).Item;
  };

  it('are empty if nothing was counted', async () => {
    expect(await latencies.recent(NOW)).toEqual({ counts: NONE });
  });

  it('add up, class by class, within the last day', async () => {
    for (const hours of [25, 24, 10, 0, 0]) await latencies.add({ counts: SOME }, hoursAgo(hours));
    const four = [SOME, SOME, SOME, SOME].reduce(addCounts);
    expect((await latencies.recent(NOW)).counts).toEqual(four);
    expect((await latencies.recent(hoursAgo(5))).counts).toEqual([SOME, SOME, SOME].reduce(addCounts));
  });

  it('are all counted if many are added at once', async () => {
    const one = countLatencies([1500]);
    await Promise.all(
      Array.from({ length: 20 }, () => latencies.add({ counts: one, newestSentAt: NOW }, NOW)),
    );
    expect((await latencies.recent(NOW)).counts).toEqual(NONE.map((_, index) => (index === 1 ? 20 : 0)));
  });

  it.each([
    [[2, 1, 3], 1],
    [[3, 2, 1], 1],
    [[1, 1], 1],
  ])('keep the newest send time, in the order %j of hours ago', async (order, newest) => {
    const one = countLatencies([1500]);
    for (const hours of order) await latencies.add({ counts: one, newestSentAt: hoursAgo(hours) }, NOW);
    await latencies.add({ counts: one, newestSentAt: hoursAgo(4) }, hoursAgo(1));
    await latencies.add({ counts: one }, NOW);
    const { counts, newestSentAt } = await latencies.recent(NOW);
    expect(newestSentAt).toEqual(hoursAgo(newest));
    expect(counts[1]).toBe(order.length + 2);
  });

  it('are not written if empty', async () => {
    await latencies.add({ counts: NONE }, NOW);
    expect(await hourItem(NOW)).toBeUndefined();
    await latencies.add({ counts: NONE, newestSentAt: hoursAgo(1) }, NOW);
    await latencies.add({ counts: NONE, newestSentAt: hoursAgo(2) }, NOW);
    expect(await latencies.recent(NOW)).toEqual({ counts: NONE, newestSentAt: hoursAgo(1) });
  });

  it('expire, and cost one write if events arrive in order', async () => {
    const { writeUnits } = aws.capacityUsed();
    await latencies.add({ counts: SOME, newestSentAt: hoursAgo(2) }, NOW);
    await latencies.add({ counts: SOME, newestSentAt: hoursAgo(1) }, NOW);
    expect(aws.capacityUsed().writeUnits - writeUnits).toBe(2);
    expect((await hourItem(NOW))?.expires?.N).toBe(String(NOW.getTime() / 1000 + 2 * 24 * 60 * 60));
  });

  it('are reported by their hour if damaged', async () => {
    const part = Math.floor(NOW.getTime() / HOUR_MS);
    const Item = marshall({ id: 'latency', part, s60: 'many' });
    await aws.client.send(new PutItemCommand({ TableName: aws.ledgerTable, Item }));
    await expect(latencies.recent(NOW)).rejects.toThrow(
      `hour ${part} of the latencies in the ledger is damaged: s60`,
    );
  });
});
