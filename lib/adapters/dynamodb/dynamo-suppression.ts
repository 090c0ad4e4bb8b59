import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { BatchGetItemCommand, type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { addressKey, chunkRecipients, maskAddress } from '../../domain/address.ts';
import {
  applySignal,
  NO_RECORD,
  type SoftBouncePolicy,
  type Suppression,
  type SuppressionRecord,
  type SuppressionSignal,
  toSuppression,
} from '../../domain/suppression.ts';
import type { SuppressionEntries, SuppressionList, SuppressionReports } from '../../ports/ledger.ts';
import { SUPPRESSION_KEY } from './constants.ts';
import { DynamoTable, daysAfter, expiring, type TableOptions } from './dynamo-table.ts';
import { type Attributes, attributesOf, type Fields, parseItem } from './item.ts';

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html */
const MAX_KEYS = 100;

/** Back off before retrying UnprocessedKeys. */
const PAUSE_MS = 50;

/**
 * Looks recipients up in the suppression list. The reads are eventually consistent, at half the price: a
 * bounce is at least seconds old when it arrives here, and DynamoDB's replicas converge within one second.
 */
export class DynamoSuppressionList implements SuppressionList {
  readonly #client: DynamoDBClient;
  readonly #options: SuppressionOptions;

  /** @param options `timeoutMs` limits a whole look-up */
  constructor(client: DynamoDBClient, options: SuppressionOptions) {
    this.#client = client;
    this.#options = options;
  }

  async find(addresses: readonly string[], now: Date): Promise<ReadonlyMap<string, Suppression>> {
    const abortSignal = AbortSignal.timeout(this.#options.timeoutMs);
    const groups = chunkRecipients([...new Set(addresses.map(addressKey))], MAX_KEYS);
    const items = await Promise.all(groups.map((group) => this.#read(group, abortSignal)));
    const found = new Map<string, Suppression>();
    for (const { address, record } of items.flat().map(suppressionItemOf)) {
      const suppression = toSuppression(record, this.#options.policy, now);
      if (suppression !== undefined) found.set(address, suppression);
    }
    return found;
  }

  /** Returns all items or throws: an address that is not found is sent to. */
  async #read(addresses: readonly string[], abortSignal: AbortSignal): Promise<Attributes[]> {
    const { tableName } = this.#options;
    const items: Attributes[] = [];
    let keys = addresses.map((address) => attributesOf(suppressionKey(address)));
    for (;;) {
      const command = new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys: keys } } });
      const { Responses, UnprocessedKeys } = await this.#client.send(command, { abortSignal });
      items.push(...(Responses?.[tableName] ?? []));
      keys = UnprocessedKeys?.[tableName]?.Keys ?? [];
      if (keys.length === 0) return items;
      await delay(PAUSE_MS, undefined, { signal: abortSignal });
    }
  }
}

/** Writes bounces and complaints to the suppression list. */
export class DynamoSuppressionReports implements SuppressionReports {
  readonly #records: SuppressionRecords;

  constructor(client: DynamoDBClient, options: SuppressionOptions) {
    this.#records = new SuppressionRecords(client, options);
  }

  report(address: string, signal: SuppressionSignal): Promise<void> {
    return this.#records.change(address, (record) => applySignal(record, signal));
  }
}

/** The suppression list as the operator sees it. */
export class DynamoSuppressionEntries implements SuppressionEntries {
  readonly #client: DynamoDBClient;
  readonly #options: SuppressionOptions;
  readonly #records: SuppressionRecords;

  constructor(client: DynamoDBClient, options: SuppressionOptions) {
    this.#client = client;
    this.#options = options;
    this.#records = new SuppressionRecords(client, options);
  }

  add(address: string, at: Date): Promise<void> {
    return this.#records.change(address, (record) => ({
      ...record,
      manual: { at: later(record.manual?.at, at) },
    }));
  }

  remove(address: string, at: Date): Promise<void> {
    return this.#records.change(address, (record) => ({ ...record, removedAt: later(record.removedAt, at) }));
  }

  async *list(now: Date): AsyncGenerator<{ readonly address: string; readonly suppression: Suppression }> {
    for await (const attributes of this.#items()) {
      const { address, record } = suppressionItemOf(attributes);
      const suppression = toSuppression(record, this.#options.policy, now);
      if (suppression !== undefined) yield { address, suppression };
    }
  }

  /** Page by page, each requested when the previous one is consumed. */
  async *#items(): AsyncGenerator<Attributes> {
    const { tableName, timeoutMs } = this.#options;
    let next: Attributes | undefined;
    do {
      const command = new ScanCommand({ TableName: tableName, ExclusiveStartKey: next });
      const page = await this.#client.send(command, { abortSignal: AbortSignal.timeout(timeoutMs) });
      yield* page.Items ?? [];
      next = page.LastEvaluatedKey;
    } while (next !== undefined);
  }
}

function later(one: Date | undefined, other: Date): Date {
  return one !== undefined && one > other ? one : other;
}

/** Each round some writer succeeds, so this many concurrent writers all succeed. */
const MAX_TRIES = 12;

/** The records of the suppression list, changed by optimistic locking: written if unchanged since read. */
export class SuppressionRecords {
  readonly #table: DynamoTable;
  readonly #policy: SoftBouncePolicy;

  constructor(client: DynamoDBClient, { policy, ...table }: SuppressionOptions) {
    this.#table = new DynamoTable(client, table);
    this.#policy = policy;
  }

  /**
   * @param change may be called several times; must be idempotent, so that a repetition does no harm
   * @throws {@link ContendedItemError}
   */
  async change(address: string, change: (record: SuppressionRecord) => SuppressionRecord): Promise<void> {
    const key = addressKey(address);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const before = await this.#read(key);
      const record = change(before.record);
      // Also true after a write whose response was lost.
      if (isDeepStrictEqual(record, before.record)) return;
      if (await this.#write(before, record)) return;
    }
    throw new ContendedItemError(`${maskAddress(key)} in the suppression list`, MAX_TRIES);
  }

  /** Version 0 means no item. */
  async #read(address: string): Promise<SuppressionItem> {
    const item = await this.#table.get(suppressionKey(address));
    return item === undefined ? { address, record: NO_RECORD, version: 0 } : suppressionItemOf(item);
  }

  #write({ address, version }: SuppressionItem, record: SuppressionRecord): Promise<boolean> {
    const item = suppressionFields({ address, record, version: version + 1 }, this.#policy);
    return this.#table.put(item, { version: version === 0 ? undefined : version });
  }
}

/** The record of an address, and the version that a conditional write checks. */
export interface SuppressionItem {
  /** By `addressKey`. */
  readonly address: string;
  readonly record: SuppressionRecord;
  /** Counts the writes. */
  readonly version: number;
}

/** No signal arrives later: SES retries for hours, and events wait in their queue for at most 14 days. */
const REMOVAL_KEPT_DAYS = 30;

/** The latest Date in JavaScript. */
const END_OF_TIME = new Date(8.64e15);

const time = v.pipe(
  v.string(),
  v.isoTimestamp('an ISO 8601 time'),
  v.transform((text) => new Date(text)),
);

const cause = v.object({ at: time, deliveryId: v.string() });

const itemSchema = v.object({
  [SUPPRESSION_KEY.partition]: v.string(),
  hardBounce: v.optional(cause),
  complaint: v.optional(cause),
  manual: v.optional(v.object({ at: time })),
  softBounces: v.optional(v.record(v.string(), cause), {}),
  removedAt: v.optional(time),
  version: v.number(),
});

function suppressionKey(address: string): Fields {
  return { [SUPPRESSION_KEY.partition]: address };
}

/** @throws {@link DamagedItemError} */
function suppressionItemOf(attributes: Attributes): SuppressionItem {
  const masked = maskAddress(attributes[SUPPRESSION_KEY.partition]?.S ?? '');
  const { address, version, ...record } = parseItem(
    itemSchema,
    attributes,
    `${masked} in the suppression list`,
  );
  return { address, record, version };
}

/** The item to write, with its TTL. */
function suppressionFields({ address, record, version }: SuppressionItem, policy: SoftBouncePolicy): Fields {
  const { hardBounce, complaint, manual, softBounces, removedAt } = record;
  const expiry = expiryOf(record, policy);
  return {
    ...suppressionKey(address),
    hardBounce: causeFields(hardBounce),
    complaint: causeFields(complaint),
    manual: causeFields(manual),
    softBounces: Object.fromEntries(Object.entries(softBounces).map(([id, one]) => [id, causeFields(one)])),
    removedAt: removedAt?.toISOString(),
    version,
    ...(expiry === undefined ? {} : expiring(expiry)),
  };
}

/** When the record can no longer suppress the address; undefined if it always can. */
function expiryOf(record: SuppressionRecord, policy: SoftBouncePolicy): Date | undefined {
  // By then all soft bounces have left the window.
  if (toSuppression(record, policy, END_OF_TIME) !== undefined) return undefined;
  const ends = Object.values(record.softBounces).map(({ at }) => daysAfter(at, policy.windowDays));
  if (record.removedAt !== undefined) ends.push(daysAfter(record.removedAt, REMOVAL_KEPT_DAYS));
  return new Date(Math.max(...ends.map(Number)));
}

function causeFields(cause: { readonly at: Date } | undefined): Fields | undefined {
  return cause === undefined ? undefined : { ...cause, at: cause.at.toISOString() };
}

export interface SuppressionOptions extends TableOptions {
  readonly policy: SoftBouncePolicy;
}

/** Other writers changed the item before each attempt. A retry helps. */
class ContendedItemError extends Error {
  override readonly name = 'ContendedItemError';
  readonly code = 'ContendedItem';

  /** @param itemName identifies the item without an address */
  constructor(itemName: string, tries: number) {
    super(`${itemName} was changed by others at each of ${tries} tries`);
  }
}
