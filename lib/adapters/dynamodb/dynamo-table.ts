import {
  DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { DAY_MS } from '../../common/time.ts';
import { awsErrorCode } from '../aws-client.ts';
import { EXPIRES_ATTRIBUTE } from './constants.ts';
import {
  type Attributes,
  attributesOf,
  type Condition,
  changeExpressions,
  conditionExpressions,
  type Fields,
  type ItemChange,
} from './item.ts';

export interface TableOptions {
  readonly tableName: string;
  /** What one call may take in all, the tries of the SDK included. */
  readonly timeoutMs: number;
}

/** A table of DynamoDB, each call bounded in time. A write whose condition does not hold is an answer, no error. */
export class DynamoTable {
  readonly #client: DynamoDBClient;
  readonly #name: string;
  readonly #timeoutMs: number;

  constructor(client: DynamoDBClient, { tableName, timeoutMs }: TableOptions) {
    this.#client = client;
    this.#name = tableName;
    this.#timeoutMs = timeoutMs;
  }

  /** The item as every write that was confirmed before has left it. */
  async get(key: Fields): Promise<Attributes | undefined> {
    const command = new GetItemCommand({
      TableName: this.#name,
      Key: attributesOf(key),
      ConsistentRead: true,
    });
    const { Item } = await this.#client.send(command, this.#limit());
    return Item;
  }

  /** All items of a partition that the query asks for, in the order of their sort keys. */
  async query(query: Omit<QueryCommandInput, 'TableName' | 'ExclusiveStartKey'>): Promise<Attributes[]> {
    const items: Attributes[] = [];
    let next: Attributes | undefined;
    do {
      const command = new QueryCommand({ ...query, TableName: this.#name, ExclusiveStartKey: next });
      const page = await this.#client.send(command, this.#limit());
      items.push(...(page.Items ?? []));
      next = page.LastEvaluatedKey;
    } while (next !== undefined);
    return items;
  }

  /**
   * Writes an item in place of what there was.
   *
   * @returns false where the condition did not hold. Where the answer of a first try was lost, that may be because
   * of this very write
   */
  put(item: Fields, condition: Condition): Promise<boolean> {
    return conditionally(
      this.#client.send(
        new PutItemCommand({
          TableName: this.#name,
          Item: attributesOf(item),
          ...conditionExpressions(condition),
        }),
        this.#limit(),
      ),
    );
  }

  /**
   * Changes an item, or makes it.
   *
   * @returns false as `put` does
   */
  update(key: Fields, change: ItemChange, condition: Condition = {}): Promise<boolean> {
    return conditionally(
      this.#client.send(
        new UpdateItemCommand({
          TableName: this.#name,
          Key: attributesOf(key),
          ...changeExpressions(change, condition),
        }),
        this.#limit(),
      ),
    );
  }

  #limit(): { abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(this.#timeoutMs) };
  }
}

async function conditionally(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (awsErrorCode(error) === 'ConditionalCheckFailedException') return false;
    throw error;
  }
}

/** The SDK may repeat a call here: each write either says the same twice, or knows itself again. */
const OPTIONS = { maxAttempts: 3, retryMode: 'standard', requestHandler: { connectionTimeout: 2_000 } };

/** @param config where DynamoDB is; by default as the surroundings say */
export function dynamoClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({ ...config, ...OPTIONS });
}

export function daysAfter(at: Date, days: number): Date {
  return new Date(at.getTime() + days * DAY_MS);
}

/**
 * The attribute by which DynamoDB removes an item, within some days after the time:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 */
export function expiring(at: Date): { readonly [EXPIRES_ATTRIBUTE]: number } {
  return { [EXPIRES_ATTRIBUTE]: Math.ceil(at.getTime() / 1000) };
}
