import { isDeepStrictEqual } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { addressKey, maskAddress } from '../../message/address.ts';
import { NO_RECORD, type SoftBouncePolicy, type SuppressionRecord } from '../../message/suppression.ts';
import { ContendedItemError } from './contended-item-error.ts';
import { DynamoTable } from './dynamo-table.ts';
import {
  type SuppressionItem,
  suppressionFields,
  suppressionItemOf,
  suppressionKey,
} from './suppression-item.ts';
import type { SuppressionOptions } from './suppression-options.ts';

/** At each try somebody's change is written, so that of as many at once all come through. */
const MAX_TRIES = 12;

/** The records of the suppression list, changed by reading, and writing where nobody else has written since. */
export class SuppressionRecords {
  readonly #table: DynamoTable;
  readonly #policy: SoftBouncePolicy;

  constructor(client: DynamoDBClient, { policy, ...table }: SuppressionOptions) {
    this.#table = new DynamoTable(client, table);
    this.#policy = policy;
  }

  /**
   * @param change may be called several times; where its second outcome would be its first, a repetition does no harm
   * @throws {@link ContendedItemError}
   */
  async change(address: string, change: (record: SuppressionRecord) => SuppressionRecord): Promise<void> {
    const key = addressKey(address);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const before = await this.#read(key);
      const record = change(before.record);
      // Also what the SDK's second try finds after the answer to the first was lost.
      if (isDeepStrictEqual(record, before.record)) return;
      if (await this.#write(before, record)) return;
    }
    throw new ContendedItemError(`${maskAddress(key)} in the suppression list`, MAX_TRIES);
  }

  /** Version 0 stands for no item. */
  async #read(address: string): Promise<SuppressionItem> {
    const item = await this.#table.get(suppressionKey(address));
    return item === undefined ? { address, record: NO_RECORD, version: 0 } : suppressionItemOf(item);
  }

  #write({ address, version }: SuppressionItem, record: SuppressionRecord): Promise<boolean> {
    const item = suppressionFields({ address, record, version: version + 1 }, this.#policy);
    return this.#table.put(item, { version: version === 0 ? undefined : version });
  }
}
