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
  /** Total time for one call, including SDK retries. */
  readonly timeoutMs: number;
}

/** A DynamoDB table with a timeout per call. A failed write condition is a result, not an error. */
export class DynamoTable {
  readonly #client: DynamoDBClient;
  readonly #name: string;
  readonly #timeoutMs: number;

  constructor(client: DynamoDBClient, { tableName, timeoutMs }: TableOptions) {
    this.#client = client;
    this.#name = tableName;
    this.#timeoutMs = timeoutMs;
  }

  /** The item, by a strongly consistent read. */
  async get(key: Fields): Promise<Attributes | undefined> {
    const command = new GetItemCommand({
      TableName: this.#name,
      Key: attributesOf(key),
      ConsistentRead: true,
    });
    const { Item } = await this.#client.send(command, this.#limit());
    return Item;
  }

  /** All items of the query, in the order of their sort keys. */
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
   * Replaces an item.
   *
   * @returns false if the condition failed. If the response to a first attempt was lost, this same write may
   * be the reason
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
   * Updates or creates an item.
   *
   * @returns false as in `put`
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

/** SDK retries are safe here: each write is idempotent or recognizes its own earlier attempt. */
const OPTIONS = { maxAttempts: 3, retryMode: 'standard', requestHandler: { connectionTimeout: 2_000 } };

/** @param config by default from the environment */
export function dynamoClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({ ...config, ...OPTIONS });
}

export function daysAfter(at: Date, days: number): Date {
  return new Date(at.getTime() + days * DAY_MS);
}

/**
 * The TTL attribute: DynamoDB deletes the item within a few days after this time:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 */
export function expiring(at: Date): { readonly [EXPIRES_ATTRIBUTE]: number } {
  return { [EXPIRES_ATTRIBUTE]: Math.ceil(at.getTime() / 1000) };
}
