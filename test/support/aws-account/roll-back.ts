import type { Template } from 'aws-cdk-lib/assertions';
import type { AwsAccount } from './aws-account.ts';

interface Resources {
  readonly Resources: Readonly<Record<string, { readonly DeletionPolicy?: string }>>;
}

/**
 * The resources that CloudFormation keeps if it rolls back the create of their stack. The next create says that they
 * already exist.
 *
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
 */
export function leftByRollback(template: object): string[] {
  const { Resources: resources } = template as Resources;
  return Object.keys(resources).filter((id) => resources[id]?.DeletionPolicy === 'Retain');
}

/** Leaves what a failed create leaves: a protected stack that can only be deleted, and what its template retains. */
export function rollBack(account: AwsAccount, stackName: string, template: Template): void {
  const stack = account.stacks.get(stackName);
  if (stack === undefined) throw new Error(`there is no ${stackName}`);
  stack.status = 'ROLLBACK_COMPLETE';
  stack.isProtected = true;
  const left = leftByRollback(template.toJSON());
  const names = stack.resources
    .filter(({ logicalId }) => !left.includes(logicalId))
    .map(({ physicalId }) => physicalId);
  for (const name of names) account.users.delete(name);
}
