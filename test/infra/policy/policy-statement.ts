import * as v from 'valibot';
import { type Condition, refuseUnknown } from './condition-operators.ts';
import type { Coverage } from './wildcard.ts';

/** Whom a statement of a resource's policy is about; the policy of a user or role has none. */
type Principals =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'named'; readonly aws: readonly string[]; readonly services: readonly string[] };

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: Coverage;
  readonly resources: Coverage;
  readonly principals: Principals | undefined;
  /** All of them have to hold. */
  readonly conditions: readonly Condition[];
}

const textsSchema = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform((given) => [given].flat()),
);

const scalarSchema = v.pipe(v.union([v.string(), v.number(), v.boolean()]), v.transform(String));
const valuesSchema = v.pipe(
  v.union([scalarSchema, v.array(scalarSchema)]),
  v.transform((given) => [given].flat()),
);

/** An element that is not here, `NotPrincipal` for one, is refused: what is not understood must not be passed over. */
const statementSchema = v.strictObject({
  Sid: v.optional(v.string()),
  Effect: v.picklist(['Allow', 'Deny']),
  Action: v.optional(textsSchema),
  NotAction: v.optional(textsSchema),
  Resource: v.optional(textsSchema),
  NotResource: v.optional(textsSchema),
  Principal: v.optional(
    v.union([
      v.literal('*'),
      v.strictObject({ AWS: v.optional(textsSchema), Service: v.optional(textsSchema) }),
    ]),
  ),
  Condition: v.optional(v.record(v.string(), v.record(v.string(), valuesSchema)), {}),
});

const documentSchema = v.strictObject({
  Version: v.literal('2012-10-17'),
  Statement: v.pipe(
    v.union([statementSchema, v.array(statementSchema)]),
    v.transform((given) => [given].flat()),
  ),
});

type ParsedStatement = v.InferOutput<typeof statementSchema>;

/**
 * Reads a policy in which nothing is left to be resolved.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 *
 * @throws where it holds an element that is not understood
 */
export function statementsOf(policyDocument: unknown): Statement[] {
  return v.parse(documentSchema, policyDocument).Statement.map((statement) => ({
    effect: statement.Effect,
    actions: coverageOf('Action', statement.Action, statement.NotAction),
    resources: coverageOf('Resource', statement.Resource, statement.NotResource),
    principals: principalsOf(statement.Principal),
    conditions: conditionsOf(statement),
  }));
}

function coverageOf(element: string, patterns: string[] | undefined, except: string[] | undefined): Coverage {
  if (patterns !== undefined && except === undefined) return { isExcept: false, patterns };
  if (patterns === undefined && except !== undefined) return { isExcept: true, patterns: except };
  throw new Error(`a statement needs either ${element} or Not${element}`);
}

function principalsOf(principal: ParsedStatement['Principal']): Principals | undefined {
  if (principal === undefined) return undefined;
  if (principal === '*') return { kind: 'anyone' };
  const { AWS: aws = [], Service: services = [] } = principal;
  return aws.includes('*') ? { kind: 'anyone' } : { kind: 'named', aws, services };
}

function conditionsOf({ Condition: blocks }: ParsedStatement): Condition[] {
  const conditions = Object.entries(blocks).flatMap(([operator, block]) =>
    Object.entries(block).map(([key, values]) => ({ operator, key, values })),
  );
  conditions.forEach(refuseUnknown);
  return conditions;
}
