import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import type { ItemCount } from '../../ports/account.ts';

const schema = v.object({ ItemCount: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) });

/**
 * The number of items as DynamoDB itself keeps it, anew every six hours or so; to count them would be to read them.
 * Items that have expired and are not deleted yet are among them.
 *
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
 */
export class DynamoItemCount implements ItemCount {
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs what the call may take in all, the tries of the SDK included */
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
