/** Consumed capacity of calls: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html */
export interface ConsumedCapacity {
  readonly readUnits: number;
  readonly writeUnits: number;
}

const READS = new Set(['GetItem', 'BatchGetItem', 'Query', 'Scan']);

const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem']);

export const NOTHING: ConsumedCapacity = { readUnits: 0, writeUnits: 0 };

/** Adds `ReturnConsumedCapacity` to the request body, if the action supports it. */
export function askingForCapacity(action: string, body: string): string {
  if (!READS.has(action) && !WRITES.has(action)) return body;
  return JSON.stringify({ ...JSON.parse(body), ReturnConsumedCapacity: 'TOTAL' });
}

/** The consumed capacity of a call, from its response. */
export function capacityOf(action: string, request: string, response: string): ConsumedCapacity {
  const parsed = JSON.parse(response) as Response;
  if (READS.has(action)) return { ...NOTHING, readUnits: countReadUnits(action, request, parsed) };
  if (WRITES.has(action)) return { ...NOTHING, writeUnits: countWriteUnits(parsed) };
  return NOTHING;
}

/** The table of a call; the pipeline's batches use only one. */
export function tableOf(request: string): string {
  const { TableName, RequestItems = {} } = JSON.parse(request) as {
    readonly TableName?: string;
    readonly RequestItems?: Readonly<Record<string, unknown>>;
  };
  return TableName ?? Object.keys(RequestItems)[0] ?? '';
}

/** Whether a call reads or writes items; undefined if neither. */
export function accessOf(action: string): 'read' | 'write' | undefined {
  if (READS.has(action)) return 'read';
  return WRITES.has(action) ? 'write' : undefined;
}

export function capacitySum(one: ConsumedCapacity, other: ConsumedCapacity): ConsumedCapacity {
  return {
    readUnits: one.readUnits + other.readUnits,
    writeUnits: one.writeUnits + other.writeUnits,
  };
}

interface Response {
  readonly __type?: string;
  readonly ConsumedCapacity?: Units | readonly Units[];
}

interface Units {
  readonly CapacityUnits?: number;
}

/** An empty result costs as much as an item, but dynalite counts it as 0 for Query and Scan. */
function countReadUnits(action: string, request: string, response: Response): number {
  if (response.ConsumedCapacity === undefined) return 0;
  const { ConsistentRead } = JSON.parse(request) as { readonly ConsistentRead?: boolean };
  const least = action === 'Query' || action === 'Scan' ? (ConsistentRead === true ? 1 : 0.5) : 0;
  return Math.max(sumUnits(response), least);
}

/** A write with a failed condition is charged, too; dynalite does not report how much: at least 1. */
function countWriteUnits(response: Response): number {
  return response.__type?.endsWith('#ConditionalCheckFailedException') ? 1 : sumUnits(response);
}

function sumUnits({ ConsumedCapacity = [] }: Response): number {
  return [ConsumedCapacity].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
}
