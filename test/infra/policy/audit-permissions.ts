import { isAbout, type Principal } from './evaluate-policies.ts';
import type { Permission } from './needed-permissions.ts';
import type { Statement } from './policy-statement.ts';
import { decide, type TemplatePolicies } from './template-policies.ts';

/** Where permissions and calls differ; a line for each. */
export interface Findings {
  /** What is needed and not allowed. */
  readonly missing: readonly string[];
  /** An action on a resource, as a policy names them, that nothing needs. */
  readonly unused: readonly string[];
  /** What is allowed and not needed, because a pattern covers more than it should. */
  readonly tooWide: readonly string[];
}

/** What is tried out, to see what is allowed beyond what is needed. */
export interface Trials {
  readonly actions: readonly string[];
  /** The ARNs of what there is, and of what is like it; or `*`, for actions that know no resource. */
  readonly resources: readonly string[];
}

/** Compares what a principal may do with what it needs. */
export function auditPermissions(
  principal: Principal,
  needed: readonly Permission[],
  policies: TemplatePolicies,
  trials: Trials,
): Findings {
  const isAllowed = (permission: Permission) => decide({ principal, ...permission }, policies) === 'allowed';
  const neededLines = new Set(needed.map(lineOf));
  return {
    missing: distinct(needed.filter((permission) => !isAllowed(permission)).map(lineOf)),
    unused: distinct(
      grantsTo(principal, policies).flatMap((statement) =>
        pairsOf(statement).filter(isUnused(needed)).map(pairLine),
      ),
    ),
    tooWide: distinct(
      trialsOf(trials, needed)
        .filter((permission) => !neededLines.has(lineOf(permission)) && isAllowed(permission))
        .map(lineOf),
    ),
  };
}

function lineOf({ action, resource }: Permission): string {
  return `${action} on ${resource}`;
}

/** Statements that permit something to a principal by its name. */
function grantsTo(principal: Principal, policies: TemplatePolicies): Statement[] {
  const { kind } = principal;
  const ofResources = [...policies.ofResources.values()].flat().filter(({ principals }) => {
    if (principals?.kind !== 'named') return false;
    return kind === 'service'
      ? principals.services.includes(principal.name)
      : principals.aws.includes(principal.arn);
  });
  const ofIdentity = kind === 'identity' ? (policies.ofIdentities.get(principal.arn) ?? []) : [];
  return [...ofIdentity, ...ofResources].filter(({ effect }) => effect === 'Allow');
}

interface Pair {
  readonly statement: Statement;
  readonly action: string;
  readonly resource: string;
}

function pairsOf(statement: Statement): Pair[] {
  const { actions, resources } = statement;
  if (actions.isExcept || resources.isExcept) throw new Error('a permission for all but something');
  return actions.patterns.flatMap((action) =>
    resources.patterns.map((resource) => ({ statement, action, resource })),
  );
}

function isUnused(needed: readonly Permission[]): (pair: Pair) => boolean {
  return ({ statement, action, resource }) => {
    const alone: Statement = {
      ...statement,
      actions: { isExcept: false, patterns: [action] },
      resources: { isExcept: false, patterns: [resource] },
    };
    return !needed.some((permission) => isAbout(alone, permission));
  };
}

function pairLine({ action, resource }: Pair): string {
  return `${action} on ${resource}`;
}

/** Each action on each resource of its service, under the circumstances of the calls that were made. */
function trialsOf({ actions, resources }: Trials, needed: readonly Permission[]): Permission[] {
  const context = Object.assign({}, ...needed.map((permission) => permission.context));
  const byService = Map.groupBy(resources, (arn) => arn.split(':')[2] ?? '');
  const withoutResource = new Set(
    needed.filter(({ resource }) => resource === '*').map(({ action }) => action),
  );
  return actions.flatMap((action) => {
    const service = action.split(':')[0] ?? '';
    // AWS asks for no resource of an action that knows none.
    const tried = withoutResource.has(action) ? [] : (byService.get(service) ?? []);
    return ['*', ...tried].map((resource) => ({ action, resource, context }));
  });
}

function distinct(lines: readonly string[]): string[] {
  return [...new Set(lines)].sort();
}
