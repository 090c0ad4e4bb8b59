import { createHash } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { addressKey } from '../../domain/address.ts';
import type { DeliveredAddresses, DeliveredAddressRecords } from '../../ports/sending.ts';
import { LEDGER_KEY } from './constants.ts';
import { DynamoTable, daysAfter, expiring, type TableOptions } from './dynamo-table.ts';
import type { Fields } from './item.ts';

export interface DeliveredAddressesOptions extends TableOptions {
  /** How long an address is known after the last delivery to it. */
  readonly retentionDays: number;
}

/** Addresses that one process remembers as recorded: most mail goes to few of them again and again. */
const MAX_REMEMBERED = 10_000;

/** Keeps the addresses that SES delivered to in the ledger table, one item each, by their SHA-256. */
export class DynamoDeliveredAddresses implements DeliveredAddresses, DeliveredAddressRecords {
  readonly #table: DynamoTable;
  readonly #retentionDays: number;
  readonly #recorded = new Set<string>();

  constructor(client: DynamoDBClient, { retentionDays, ...table }: DeliveredAddressesOptions) {
    this.#table = new DynamoTable(client, table);
    this.#retentionDays = retentionDays;
  }

  async find(addresses: readonly string[]): Promise<ReadonlySet<string>> {
    const keys = [...new Set(addresses.map(addressKey))];
    const items = await Promise.all(keys.map((key) => this.#table.get(itemKey(key))));
    return new Set(keys.filter((_, index) => items[index] !== undefined));
  }

  async record(addresses: readonly string[], at: Date): Promise<void> {
    const keys = [...new Set(addresses.map(addressKey))].filter((key) => !this.#recorded.has(key));
    const set = expiring(daysAfter(at, this.#retentionDays));
    await Promise.all(keys.map((key) => this.#table.update(itemKey(key), { set })));
    if (this.#recorded.size + keys.length > MAX_REMEMBERED) this.#recorded.clear();
    for (const key of keys) this.#recorded.add(key);
  }
}

function itemKey(key: string): Fields {
  const hash = createHash('sha256').update(key).digest('hex');
  return { [LEDGER_KEY.partition]: `delivered#${hash}`, [LEDGER_KEY.sort]: 0 };
}
