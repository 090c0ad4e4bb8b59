import { matchesPattern, refuseVariables } from './wildcard.ts';

/** One operator on one key: it holds where any of the values does. */
export interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

/** What is known of a request besides its action and resource, by condition key. */
export type RequestContext = Readonly<Record<string, string>>;

type Test = (actual: string, value: string) => boolean;

const OPERATORS: Readonly<Record<string, Test>> = {
  StringEquals: (actual, value) => actual === value,
  StringEqualsIgnoreCase: (actual, value) => actual.toLowerCase() === value.toLowerCase(),
  StringLike: (actual, value) => matchesPattern(value, actual),
  // Of ARNs, AWS says that both operators are the same.
  ArnEquals: arnLike,
  ArnLike: arnLike,
  Bool: (actual, value) => actual.toLowerCase() === value.toLowerCase(),
  NumericEquals: (actual, value) => Number(actual) === Number(value),
  NumericLessThan: (actual, value) => Number(actual) < Number(value),
  NumericLessThanEquals: (actual, value) => Number(actual) <= Number(value),
  NumericGreaterThan: (actual, value) => Number(actual) > Number(value),
  NumericGreaterThanEquals: (actual, value) => Number(actual) >= Number(value),
};

const NEGATED: Readonly<Record<string, string>> = {
  StringNotEquals: 'StringEquals',
  StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase',
  StringNotLike: 'StringLike',
  ArnNotEquals: 'ArnEquals',
  ArnNotLike: 'ArnLike',
  NumericNotEquals: 'NumericEquals',
};

const IF_EXISTS = 'IfExists';

/** @throws where the operator is not understood, or a value holds a variable */
export function refuseUnknown({ operator, values }: Condition): void {
  for (const value of values) refuseVariables(value);
  if (operator !== 'Null' && testOf(plainOf(operator)) === undefined) {
    throw new Error(`a condition operator that is not understood here: ${operator}`);
  }
}

/**
 * Whether a condition holds. Of a key that the request does not have, a negated operator or one with `IfExists` does,
 * and no other.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
export function holds({ operator, key, values }: Condition, context: RequestContext): boolean {
  const actual = keyIn(context, key);
  if (operator === 'Null') return values.includes(String(actual === undefined));
  const plain = plainOf(operator);
  const isNegated = NEGATED[plain] !== undefined;
  if (actual === undefined) return plain !== operator || isNegated;
  return values.some((value) => testOf(plain)?.(actual, value)) !== isNegated;
}

function plainOf(operator: string): string {
  return operator.endsWith(IF_EXISTS) ? operator.slice(0, -IF_EXISTS.length) : operator;
}

function testOf(plain: string): Test | undefined {
  return OPERATORS[NEGATED[plain] ?? plain];
}

/** Upper and lower case make no difference in the names of keys. */
function keyIn(context: RequestContext, key: string): string | undefined {
  const name = key.toLowerCase();
  return Object.entries(context).find(([known]) => known.toLowerCase() === name)?.[1];
}

/** Each of the six parts is matched by itself. */
function arnLike(actual: string, value: string): boolean {
  const patterns = arnParts(value);
  const parts = arnParts(actual);
  return (
    parts.length === patterns.length &&
    parts.every((part, index) => matchesPattern(patterns[index] ?? '', part))
  );
}

function arnParts(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length <= 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}
