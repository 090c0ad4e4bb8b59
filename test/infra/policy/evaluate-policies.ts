import { holds, type RequestContext } from './condition-operators.ts';
import type { Statement } from './policy-statement.ts';
import { coversAction, coversResource } from './wildcard.ts';

/** Who makes a call: a user or role of the account, or a service of AWS by its own name. */
export type Principal =
  | { readonly kind: 'identity'; readonly arn: string }
  | { readonly kind: 'service'; readonly name: string };

export interface AuthorisationRequest {
  readonly principal: Principal;
  readonly action: string;
  readonly resource: string;
  readonly context: RequestContext;
}

/** The policies that are asked about a request, all of one account. */
export interface AskedPolicies {
  /** Of the user or role. */
  readonly identity: readonly Statement[];
  /** Of the resource. */
  readonly resource: readonly Statement[];
}

export type Decision = 'allowed' | 'explicitly-denied' | 'not-allowed';

/**
 * What AWS decides about a request within one account: a denial anywhere goes first; then one permission is enough,
 * whether the policy of who asks holds it or that of the resource. But a key of KMS obeys the policies of users and
 * roles only where its own policy hands that to the account.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
export function evaluatePolicies(request: AuthorisationRequest, policies: AskedPolicies): Decision {
  const identity = policies.identity.filter((statement) => isAbout(statement, request));
  const resource = policies.resource.filter((statement) => isAbout(statement, request));
  const meant = resource.filter(
    (statement) => isNamed(statement, request) || isOfAccount(statement, request),
  );

  if ([...identity, ...meant].some(({ effect }) => effect === 'Deny')) return 'explicitly-denied';
  if (meant.some((statement) => isNamed(statement, request))) return 'allowed';
  const isHandedOver = !request.action.startsWith('kms:') || meant.length > 0;
  return identity.length > 0 && isHandedOver ? 'allowed' : 'not-allowed';
}

/** Whether the statement applies to the request, whoever makes it. */
export function isAbout(
  statement: Statement,
  { action, resource, context }: Omit<AuthorisationRequest, 'principal'>,
): boolean {
  return (
    coversAction(statement.actions, action) &&
    coversResource(statement.resources, resource) &&
    statement.conditions.every((condition) => holds(condition, context))
  );
}

function isNamed({ principals }: Statement, { principal }: AuthorisationRequest): boolean {
  if (principals === undefined) throw new Error('a statement of a resource that names no principal');
  if (principals.kind === 'anyone') return true;
  return principal.kind === 'service'
    ? principals.services.includes(principal.name)
    : principals.aws.includes(principal.arn);
}

/** A permission for an account is no permission yet: it lets the policies of its users and roles decide. */
function isOfAccount({ principals }: Statement, { principal }: AuthorisationRequest): boolean {
  if (principals?.kind !== 'named' || principal.kind === 'service') return false;
  const account = principal.arn.split(':')[4] ?? '';
  return principals.aws.some((name) => name === account || name === `arn:aws:iam::${account}:root`);
}
