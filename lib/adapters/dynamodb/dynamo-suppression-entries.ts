import { type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { type Suppression, suppressionOf } from '../../message/suppression.ts';
import type { SuppressionEntries } from '../../ports/suppression-list.ts';
import type { Attributes } from './parse-item.ts';
import { suppressionItemOf } from './suppression-item.ts';
import type { SuppressionOptions } from './suppression-options.ts';
import { SuppressionRecords } from './suppression-records.ts';

/** The suppression list as the person sees it who looks after it. */
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
      const suppression = suppressionOf(record, this.#options.policy, now);
      if (suppression !== undefined) yield { address, suppression };
    }
  }

  /** Page by page, each asked for when the one before is used up. */
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
