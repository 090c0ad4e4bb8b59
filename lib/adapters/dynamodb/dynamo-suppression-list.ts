import { setTimeout as delay } from 'node:timers/promises';
import { BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { addressKey } from '../../message/address.ts';
import { chunkRecipients } from '../../message/recipients.ts';
import { type Suppression, suppressionOf } from '../../message/suppression.ts';
import type { SuppressionList } from '../../ports/suppression-list.ts';
import { attributesOf } from './item-change.ts';
import type { Attributes } from './parse-item.ts';
import { suppressionItemOf, suppressionKey } from './suppression-item.ts';
import type { SuppressionOptions } from './suppression-options.ts';

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html */
const MAX_KEYS = 100;

/** What DynamoDB left out for want of capacity is not to be asked for again at once. */
const PAUSE_MS = 50;

/**
 * Looks recipients up in the suppression list. The reads are eventually consistent, at half the price: a bounce is
 * seconds old at least when it comes here, and DynamoDB's replicas agree within one.
 */
export class DynamoSuppressionList implements SuppressionList {
  readonly #client: DynamoDBClient;
  readonly #options: SuppressionOptions;

  /** @param options of which `timeoutMs` bounds a whole look-up */
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
      const suppression = suppressionOf(record, this.#options.policy, now);
      if (suppression !== undefined) found.set(address, suppression);
    }
    return found;
  }

  /** All of them, or it throws: who is not found is sent to. */
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
