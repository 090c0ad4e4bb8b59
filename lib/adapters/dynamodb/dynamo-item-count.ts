import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import type { ItemCount } from '../../ports/account.ts';

const schema = v.object({ ItemCount: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) });

/**
 * DynamoDB's own item count, updated about every six hours; an exact count would read all items. Includes
 * items that have expired but are not deleted yet.
 *
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
 */
export class DynamoItemCount implements ItemCount {
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs total time for the call, including SDK retries */
  constructor(client: DynamoDBClient, tableName: string, timeoutMs: number) {
    this.#client = client;
    this.#tableName = tableName;
    this.#timeoutMs = timeoutMs;
  }

  async items(): Promise<number | undefined> {
    const { Table } = await this.#client.send(new DescribeTableCommand({ TableName: this.#tableName }), {
      abortSignal: AbortSignal.timeout(this.#timeoutMs),
    });
    const parsed = v.safeParse(schema, Table);
    return parsed.success ? parsed.output.ItemCount : undefined;
  }
}
