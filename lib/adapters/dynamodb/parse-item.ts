import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { describeIssues } from '../../message/envelope.ts';
import { DamagedItemError } from './damaged-item-error.ts';

/** An item as DynamoDB carries it. */
export type Attributes = Record<string, AttributeValue>;

/**
 * Reads an item. What the schema does not name is ignored: a newer version may have written more.
 *
 * @param itemName tells which item it is, without an address
 * @throws {@link DamagedItemError}
 */
export function parseItem<Schema extends v.GenericSchema>(
  schema: Schema,
  attributes: Attributes,
  itemName: string,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, plain(attributes, itemName));
  if (parsed.success) return parsed.output;
  throw new DamagedItemError(itemName, describeIssues(parsed.issues));
}

/** Of numbers that JavaScript cannot hold, the library's own error quotes the value. */
function plain(attributes: Attributes, itemName: string): unknown {
  try {
    return unmarshall(attributes);
  } catch {
    throw new DamagedItemError(itemName, 'a value that cannot be read');
  }
}
