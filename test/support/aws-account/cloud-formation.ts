import * as v from 'valibot';
import { done, type Operation, type OperationResult, operation, refused } from './account-operation.ts';
import type { AccountStack, AwsAccount, StackResource } from './aws-account.ts';
import { pageOf } from './page-of.ts';

const PAGE_SIZE = 100;

const named = v.object({ StackName: v.string(), NextToken: v.optional(v.string()) });
const maybeNamed = v.partial(named);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html */
export const CLOUD_FORMATION: Readonly<Record<string, Operation>> = {
  DescribeStacks: operation(maybeNamed, 'ValidationError', describeStacks),
  DescribeStackResources: operation(
    v.object({ ...maybeNamed.entries, LogicalResourceId: v.optional(v.string()) }),
    'ValidationError',
    describeStackResources,
  ),
  ListStackResources: operation(named, 'ValidationError', listStackResources),
};

function describeStacks(
  account: AwsAccount,
  { StackName: name, NextToken: token }: v.InferOutput<typeof maybeNamed>,
): OperationResult {
  if (name !== undefined) {
    const stack = find(account, name);
    return stack === undefined ? unknownStack(name) : done({ Stacks: [described(stack, account)] });
  }
  const page = pageOf(existing(account), token, account.pageSize ?? PAGE_SIZE);
  if (page === undefined) return wrongToken();
  return done({ Stacks: page.items.map((stack) => described(stack, account)), NextToken: page.next });
}

function describeStackResources(
  account: AwsAccount,
  input: { readonly StackName?: string | undefined; readonly LogicalResourceId?: string | undefined },
): OperationResult {
  const { StackName: name, LogicalResourceId: logicalId } = input;
  if (name === undefined) return refused('ValidationError', 'StackName: the double needs it');
  const stack = find(account, name);
  if (stack === undefined) return unknownStack(name);
  const matching = stack.resources.filter(({ logicalId: id }) => logicalId === undefined || id === logicalId);
  // More than a hundred are silently truncated.
  const resources = matching.slice(0, PAGE_SIZE).map((resource) => ({
    StackName: stack.name,
    StackId: idOf(stack, account),
    ...resourceOf(resource),
    Timestamp: stack.createdAt,
  }));
  return done({ StackResources: resources });
}

function listStackResources(
  account: AwsAccount,
  { StackName: name, NextToken: token }: v.InferOutput<typeof named>,
): OperationResult {
  const stack = find(account, name);
  if (stack === undefined) return unknownStack(name);
  const page = pageOf(stack.resources, token, account.pageSize ?? PAGE_SIZE);
  if (page === undefined) return wrongToken();
  const resources = page.items.map((resource) => ({
    ...resourceOf(resource),
    LastUpdatedTimestamp: stack.createdAt,
  }));
  return done({ StackResourceSummaries: resources, NextToken: page.next });
}

/** A deleted stack is found only by its id, which the double does not keep. */
function existing({ stacks }: AwsAccount): AccountStack[] {
  return [...stacks.values()].filter(({ status }) => status !== 'DELETE_COMPLETE');
}

function find(account: AwsAccount, nameOrId: string): AccountStack | undefined {
  return existing(account).find((stack) => stack.name === nameOrId || idOf(stack, account) === nameOrId);
}

function idOf({ name, createdAt }: AccountStack, { id, region }: AwsAccount): string {
  const unique = createdAt.getTime().toString(16).padStart(12, '0');
  return `arn:aws:cloudformation:${region}:${id}:stack/${name}/00000000-0000-4000-8000-${unique}`;
}

function described(stack: AccountStack, account: AwsAccount) {
  return {
    StackId: idOf(stack, account),
    StackName: stack.name,
    Description: stack.description,
    CreationTime: stack.createdAt,
    StackStatus: stack.status,
    StackStatusReason: stack.statusReason,
    DisableRollback: false,
    EnableTerminationProtection: stack.isProtected ?? false,
    Outputs: Object.entries(stack.outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
  };
}

function resourceOf({ logicalId, type, physicalId, status }: StackResource) {
  return {
    LogicalResourceId: logicalId,
    PhysicalResourceId: physicalId,
    ResourceType: type,
    ResourceStatus: status ?? 'CREATE_COMPLETE',
  };
}

function unknownStack(name: string): OperationResult {
  return refused('ValidationError', `Stack with id ${name} does not exist`);
}

function wrongToken(): OperationResult {
  return refused('ValidationError', 'NextToken is not valid');
}
