import type { AwsFault, AwsRequest } from '../../../lib/emulators/aws/aws-fault.ts';
import { accessOf, tableOf } from '../../../lib/emulators/dynamodb/consumed-capacity.ts';
import type { LocalDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import type { Collector, Observe } from './collector.ts';

export interface CollectedTable {
  /** Its name in the emulator. */
  readonly localName: string;
  /** Its name where it is deployed. */
  readonly name: string;
}

/**
 * AWS/DynamoDB, from the emulator's meter and from injected throttling.
 *
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
 */
export class TableCollector implements Collector {
  readonly #dynamoDb: Pick<LocalDynamoDb, 'capacityUsed'>;
  readonly #tables: readonly CollectedTable[];
  readonly #observe: Observe;
  readonly #reported = new Map<string, { readonly readUnits: number; readonly writeUnits: number }>();

  constructor(
    dynamoDb: Pick<LocalDynamoDb, 'capacityUsed'>,
    tables: readonly CollectedTable[],
    observe: Observe,
  ) {
    this.#dynamoDb = dynamoDb;
    this.#tables = tables;
    this.#observe = observe;
  }

  /** Counts a throttled call. */
  called({ action, body }: AwsRequest, fault: AwsFault | undefined): void {
    const access = accessOf(action);
    if (fault?.kind !== 'throttle' || access === undefined) return;
    const table = this.#tables.find(({ localName }) => localName === tableOf(body.toString()));
    if (table === undefined) return;
    const nowMs = Date.now();
    this.#report('ThrottledRequests', 1, nowMs, { TableName: table.name, Operation: action });
    this.#report(access === 'read' ? 'ReadThrottleEvents' : 'WriteThrottleEvents', 1, nowMs, {
      TableName: table.name,
    });
  }

  sample(nowMs: number): void {
    for (const { localName, name } of this.#tables) {
      const used = this.#dynamoDb.capacityUsed(localName);
      const before = this.#reported.get(localName) ?? { readUnits: 0, writeUnits: 0 };
      this.#reported.set(localName, used);
      const dimensions = { TableName: name };
      this.#report('ConsumedReadCapacityUnits', used.readUnits - before.readUnits, nowMs, dimensions);
      this.#report('ConsumedWriteCapacityUnits', used.writeUnits - before.writeUnits, nowMs, dimensions);
    }
  }

  /** DynamoDB publishes nothing for an unused table. */
  #report(name: string, value: number, at: number, dimensions: Readonly<Record<string, string>>): void {
    if (value === 0) return;
    this.#observe({ namespace: 'AWS/DynamoDB', name, dimensions, at, values: [value], unit: 'Count' });
  }
}
