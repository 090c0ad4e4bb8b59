/** What calls have cost: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html */
export interface ConsumedCapacity {
  readonly readUnits: number;
  readonly writeUnits: number;
}

const READS = new Set(['GetItem', 'BatchGetItem', 'Query', 'Scan']);

const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem']);

export const NOTHING: ConsumedCapacity = { readUnits: 0, writeUnits: 0 };

/** The body of a request that asks DynamoDB to tell what it costs, where it can. */
export function askingForCapacity(action: string, body: string): string {
  if (!READS.has(action) && !WRITES.has(action)) return body;
  return JSON.stringify({ ...JSON.parse(body), ReturnConsumedCapacity: 'TOTAL' });
}

/** What a call has cost by its answer. */
export function capacityOf(action: string, request: string, answer: string): ConsumedCapacity {
  const answered = JSON.parse(answer) as Answer;
  if (READS.has(action)) return { ...NOTHING, readUnits: readUnitsOf(action, request, answered) };
  if (WRITES.has(action)) return { ...NOTHING, writeUnits: writeUnitsOf(answered) };
  return NOTHING;
}

/** The table that a call is for; a batch of the pipeline is for one. */
export function tableOf(request: string): string {
  const { TableName, RequestItems = {} } = JSON.parse(request) as {
    readonly TableName?: string;
    readonly RequestItems?: Readonly<Record<string, unknown>>;
  };
  return TableName ?? Object.keys(RequestItems)[0] ?? '';
}

/** Whether a call reads items or writes them; undefined where it does neither. */
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

interface Answer {
  readonly __type?: string;
  readonly ConsumedCapacity?: Units | readonly Units[];
}

interface Units {
  readonly CapacityUnits?: number;
}

/** To find nothing costs as much as an item: dynalite counts it as nothing where it is asked by Query or Scan. */
function readUnitsOf(action: string, request: string, answer: Answer): number {
  if (answer.ConsumedCapacity === undefined) return 0;
  const { ConsistentRead } = JSON.parse(request) as { readonly ConsistentRead?: boolean };
  const least = action === 'Query' || action === 'Scan' ? (ConsistentRead === true ? 1 : 0.5) : 0;
  return Math.max(unitsOf(answer), least);
}

/** A write whose condition does not hold is paid for, too; dynalite does not say how much it is: at least 1. */
function writeUnitsOf(answer: Answer): number {
  return answer.__type?.endsWith('#ConditionalCheckFailedException') ? 1 : unitsOf(answer);
}

function unitsOf({ ConsumedCapacity = [] }: Answer): number {
  return [ConsumedCapacity].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
}
