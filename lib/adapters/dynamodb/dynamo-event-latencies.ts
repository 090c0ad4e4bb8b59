import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { HOUR_MS } from '../../common/time.ts';
import {
  addCounts,
  countLatencies,
  type EventPace,
  LATENCY_BOUNDS_SECONDS,
  type LatencyCounts,
} from '../../domain/event-latency.ts';
import type { EventLatencies, EventLatencyMeter } from '../../ports/ledger.ts';
import { LEDGER_KEY } from './constants.ts';
import { DynamoTable, daysAfter, expiring, type TableOptions } from './dynamo-table.ts';
import { type Attributes, attributesOf, parseItem } from './item.ts';

const LATENCY_ID = 'latency';

/** The hour that runs has only begun, and a whole day is asked for. */
const HOURS_BEFORE = 24;

const KEPT_DAYS = 2;

/** The attributes of the counts: `s60` has those that took up to 60 seconds, and more than 30. */
const CLASSES = [...LATENCY_BOUNDS_SECONDS.map((bound) => `s${bound}`), 'longer'];

/** Of a class that nothing was counted in, there is no attribute. */
const countsSchema = v.object(
  Object.fromEntries(CLASSES.map((name) => [name, v.optional(v.number('a count'), 0)])),
);

/** In the form of `toISOString`, which sorts as the times do. */
const newestSchema = v.object({
  newestSentAt: v.optional(v.pipe(v.string(), v.isoTimestamp('an ISO 8601 time'))),
});

/**
 * Counts latencies in the table of the ledger, an item for each hour. A count whose answer was lost may be counted
 * twice by the SDK's next try: one in many thousands does not move the measure.
 */
export class DynamoEventLatencies implements EventLatencies, EventLatencyMeter {
  readonly #table: DynamoTable;

  constructor(client: DynamoDBClient, options: TableOptions) {
    this.#table = new DynamoTable(client, options);
  }

  async recent(now: Date): Promise<EventPace> {
    const hour = hourOf(now);
    const items = await this.#table.query({
      KeyConditionExpression: '#id = :id AND #hour BETWEEN :from AND :to',
      ExpressionAttributeNames: { '#id': LEDGER_KEY.partition, '#hour': LEDGER_KEY.sort },
      ExpressionAttributeValues: attributesOf({
        ':id': LATENCY_ID,
        ':from': hour - HOURS_BEFORE,
        ':to': hour,
      }),
    });
    const newest = items.map(newestOf).filter((at) => at !== undefined);
    return {
      counts: items.map(countsOf).reduce(addCounts, countLatencies([])),
      newestSentAt: newest.length === 0 ? undefined : new Date(Math.max(...newest.map(Number))),
    };
  }

  /** One write, but where a newer time is there already: two. */
  async add({ counts, newestSentAt }: EventPace, now: Date): Promise<void> {
    const add = countFields(counts);
    const key = { [LEDGER_KEY.partition]: LATENCY_ID, [LEDGER_KEY.sort]: hourOf(now) };
    const set = expiring(daysAfter(now, KEPT_DAYS));
    if (newestSentAt !== undefined) {
      const raise = { newestSentAt: newestSentAt.toISOString() };
      if (await this.#table.update(key, { set, add, raise })) return;
    }
    if (Object.keys(add).length > 0) await this.#table.update(key, { set, add });
  }
}

/** Whole hours since 1970. */
function hourOf(at: Date): number {
  return Math.floor(at.getTime() / HOUR_MS);
}

function countFields(counts: LatencyCounts): Readonly<Record<string, number>> {
  const named = CLASSES.map((name, index): [string, number] => [name, counts[index] ?? 0]);
  return Object.fromEntries(named.filter(([, count]) => count > 0));
}

function countsOf(attributes: Attributes): LatencyCounts {
  const hour = parseItem(countsSchema, attributes, nameOf(attributes));
  return CLASSES.map((name) => hour[name] ?? 0);
}

function newestOf(attributes: Attributes): Date | undefined {
  const { newestSentAt } = parseItem(newestSchema, attributes, nameOf(attributes));
  return newestSentAt === undefined ? undefined : new Date(newestSentAt);
}

function nameOf(attributes: Attributes): string {
  return `hour ${attributes[LEDGER_KEY.sort]?.N ?? '?'} of the latencies in the ledger`;
}
