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

/** A whole day before the current, incomplete hour. */
const HOURS_BEFORE = 24;

const KEPT_DAYS = 2;

/** The attributes of the counts: `s60` counts latencies over 30 and up to 60 seconds. */
const CLASSES = [...LATENCY_BOUNDS_SECONDS.map((bound) => `s${bound}`), 'longer'];

/** An empty bucket has no attribute. */
const countsSchema = v.object(
  Object.fromEntries(CLASSES.map((name) => [name, v.optional(v.number('a count'), 0)])),
);

/** In `toISOString` form, which sorts chronologically. */
const newestSchema = v.object({
  newestSentAt: v.optional(v.pipe(v.string(), v.isoTimestamp('an ISO 8601 time'))),
});

/**
 * Counts latencies in the ledger table, one item per hour. If a response is lost, the SDK's retry may count
 * twice: one in many thousands does not change the result.
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

  /** One write, or two if a newer time is already stored. */
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
