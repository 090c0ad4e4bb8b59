import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { describeIssues } from '../../domain/problems.ts';

/** An item in DynamoDB's format. */
export type Attributes = Record<string, AttributeValue>;

/**
 * Parses an item. Ignores attributes outside the schema: a newer version may have written more.
 *
 * @param itemName identifies the item without an address
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

/** Replaces the library's error for numbers that JavaScript cannot represent: it quotes the value. */
function plain(attributes: Attributes, itemName: string): unknown {
  try {
    return unmarshall(attributes);
  } catch {
    throw new DamagedItemError(itemName, 'a value that cannot be read');
  }
}

/** The item is not in the pipeline's format; a retry does not help. The message does not quote the item. */
class DamagedItemError extends Error {
  override readonly name = 'DamagedItemError';
  readonly code = 'DamagedItem';

  /**
   * @param itemName identifies the item without an address
   * @param detail which attributes broke which rules
   */
  constructor(itemName: string, detail: string) {
    super(`${itemName} is damaged: ${detail}`);
  }
}

/** Values by attribute name; the names are plain words. */
export type Fields = Readonly<Record<string, unknown>>;

/** Condition for a write: the item has these values, and no attribute where the value is undefined. */
export type Condition = Fields;

/** What to write to an item. Undefined values are not written. */
export interface ItemChange {
  readonly set?: Fields;
  /** Set only if the attribute does not exist. */
  readonly setOnce?: Fields;
  readonly add?: Readonly<Record<string, number>>;
  /** Set if the attribute does not exist or is lower; otherwise the write's condition fails. */
  readonly raise?: Fields;
}

/** The same as DynamoDB expressions; `#` placeholders because some names are reserved: `state`, `hash`. */
interface Expressions {
  readonly UpdateExpression?: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Attributes;
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html */
export function changeExpressions(
  { set = {}, setOnce = {}, add = {}, raise = {} }: ItemChange,
  condition: Condition,
): Expressions {
  const sets = [
    ...namesOf(set).map((name) => `#${name} = :set_${name}`),
    ...namesOf(raise).map((name) => `#${name} = :raise_${name}`),
    ...namesOf(setOnce).map((name) => `#${name} = if_not_exists(#${name}, :once_${name})`),
  ];
  const adds = namesOf(add).map((name) => `#${name} :add_${name}`);
  return {
    UpdateExpression: [clause('SET', sets), clause('ADD', adds)].join(' ').trim(),
    ...inAll([...termsOf(condition), ...namesOf(raise).map(isRaised)]),
    ExpressionAttributeNames: placeholders(
      [set, setOnce, add, raise].flatMap(namesOf),
      Object.keys(condition),
    ),
    ExpressionAttributeValues: {
      ...values('set', set),
      ...values('once', setOnce),
      ...values('add', add),
      ...values('raise', raise),
      ...values('is', condition),
    },
  };
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html */
export function conditionExpressions(condition: Condition): Expressions {
  const is = values('is', condition);
  return {
    ...inAll(termsOf(condition)),
    ExpressionAttributeNames: placeholders(Object.keys(condition)),
    // DynamoDB rejects an empty map here.
    ...(Object.keys(is).length === 0 ? {} : { ExpressionAttributeValues: is }),
  };
}

/** Values in DynamoDB's format. */
export function attributesOf(fields: Fields): Attributes {
  return marshall(fields, { removeUndefinedValues: true });
}

function termsOf(condition: Condition): string[] {
  return Object.entries(condition).map(([name, value]) =>
    value === undefined ? `attribute_not_exists(#${name})` : `#${name} = :is_${name}`,
  );
}

function isRaised(name: string): string {
  return `(attribute_not_exists(#${name}) OR #${name} < :raise_${name})`;
}

function inAll(terms: readonly string[]): { ConditionExpression?: string } {
  return terms.length === 0 ? {} : { ConditionExpression: terms.join(' AND ') };
}

function clause(word: string, terms: readonly string[]): string {
  return terms.length === 0 ? '' : `${word} ${terms.join(', ')}`;
}

function namesOf(fields: Fields): string[] {
  return Object.keys(fields).filter((name) => fields[name] !== undefined);
}

/** DynamoDB rejects a name that no expression uses. */
function placeholders(...names: readonly (readonly string[])[]): Record<string, string> {
  return Object.fromEntries(names.flat().map((name) => [`#${name}`, name]));
}

function values(prefix: string, fields: Fields): Attributes {
  return attributesOf(
    Object.fromEntries(namesOf(fields).map((name) => [`:${prefix}_${name}`, fields[name]])),
  );
}
