import {
  CloudFormationClient,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  ListStackResourcesCommand,
  paginateDescribeStacks,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, it } from '@jest/globals';
import { errorOf } from '../../emulators/ses/running-double.ts';
import { type AccountStack, AwsAccount } from './aws-account.ts';
import { AT, clientOf, runAccount } from './running-account.ts';

const aStack = (changes: Partial<AccountStack> = {}): AccountStack => ({
  name: 'mail',
  status: 'CREATE_COMPLETE',
  createdAt: AT,
  outputs: { QueueUrl: 'https://sqs.example/1?a=1&b=<2>', Txt: '"v=spf1 ~all"' },
  resources: [
    { logicalId: 'Queue', type: 'AWS::SQS::Queue', physicalId: 'https://sqs.example/1' },
    { logicalId: 'Table', type: 'AWS::DynamoDB::Table', physicalId: 'ledger', status: 'UPDATE_COMPLETE' },
  ],
  ...changes,
});

async function withStacks(...stacks: AccountStack[]) {
  const double = await runAccount(new AwsAccount().add({ stacks }));
  return { double, client: clientOf(double, CloudFormationClient) };
}

describe('DescribeStacks', () => {
  it('describes a stack with any outputs', async () => {
    const { client } = await withStacks(aStack());
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: 'mail' }));
    expect(Stacks).toHaveLength(1);
    expect(Stacks?.[0]).toMatchObject({
      StackName: 'mail',
      StackStatus: 'CREATE_COMPLETE',
      CreationTime: AT,
      Outputs: [
        { OutputKey: 'QueueUrl', OutputValue: 'https://sqs.example/1?a=1&b=<2>' },
        { OutputKey: 'Txt', OutputValue: '"v=spf1 ~all"' },
      ],
    });
    const byId = await client.send(new DescribeStacksCommand({ StackName: Stacks?.[0]?.StackId }));
    expect(byId.Stacks?.[0]?.StackName).toBe('mail');
  });

  it('follows the state as it changes', async () => {
    const { double, client } = await withStacks(aStack());
    const stack = double.account.stacks.get('mail');
    if (stack === undefined) throw new Error('there is no stack');
    stack.status = 'UPDATE_ROLLBACK_FAILED';
    stack.statusReason = 'The queue could not be made';
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: 'mail' }));
    expect(Stacks?.[0]).toMatchObject({
      StackStatus: 'UPDATE_ROLLBACK_FAILED',
      StackStatusReason: 'The queue could not be made',
    });
  });

  it.each(['missing', 'deleted'])('finds no stack that is %s', async (name) => {
    const { client } = await withStacks(aStack({ name: 'deleted', status: 'DELETE_COMPLETE' }));
    expect(await errorOf(client.send(new DescribeStacksCommand({ StackName: name })))).toEqual({
      name: 'ValidationError',
      message: `Stack with id ${name} does not exist`,
      status: 400,
    });
  });

  it('finds only stacks of its own Region', async () => {
    const { double } = await withStacks(aStack());
    const elsewhere = clientOf(double, CloudFormationClient, { region: 'us-east-1' });
    const error = await errorOf(elsewhere.send(new DescribeStacksCommand({ StackName: 'mail' })));
    expect(error.name).toBe('ValidationError');
    expect((await elsewhere.send(new DescribeStacksCommand({}))).Stacks ?? []).toEqual([]);
  });

  it('lists all stacks, in pages', async () => {
    const names = ['a', 'b', 'c'];
    const { double, client } = await withStacks(...names.map((name) => aStack({ name })));
    double.account.pageSize = 2;
    const seen: string[][] = [];
    for await (const page of paginateDescribeStacks({ client }, {})) {
      seen.push((page.Stacks ?? []).map(({ StackName = '' }) => StackName));
    }
    expect(seen).toEqual([['a', 'b'], ['c']]);
  });
});

describe('the resources of a stack', () => {
  const queue = {
    LogicalResourceId: 'Queue',
    PhysicalResourceId: 'https://sqs.example/1',
    ResourceType: 'AWS::SQS::Queue',
    ResourceStatus: 'CREATE_COMPLETE',
  };
  const table = {
    LogicalResourceId: 'Table',
    PhysicalResourceId: 'ledger',
    ResourceType: 'AWS::DynamoDB::Table',
    ResourceStatus: 'UPDATE_COMPLETE',
  };

  it('are listed in pages', async () => {
    const { double, client } = await withStacks(aStack());
    const { StackResourceSummaries } = await client.send(
      new ListStackResourcesCommand({ StackName: 'mail' }),
    );
    expect(StackResourceSummaries).toMatchObject([queue, table]);
    double.account.pageSize = 1;
    const seen: unknown[] = [];
    for await (const page of paginateListStackResources({ client }, { StackName: 'mail' })) {
      expect(page.StackResourceSummaries).toHaveLength(1);
      seen.push(...(page.StackResourceSummaries ?? []));
    }
    expect(seen).toMatchObject([queue, table]);
  });

  it('are described, all or one', async () => {
    const { client } = await withStacks(aStack());
    const all = await client.send(new DescribeStackResourcesCommand({ StackName: 'mail' }));
    expect(all.StackResources).toMatchObject([queue, { ...table, StackName: 'mail', Timestamp: AT }]);
    const one = await client.send(
      new DescribeStackResourcesCommand({ StackName: 'mail', LogicalResourceId: 'Table' }),
    );
    expect(one.StackResources).toMatchObject([table]);
  });

  it('are not found if the stack is missing', async () => {
    const { client } = await withStacks();
    const input = { StackName: 'mail' };
    const calls = [
      client.send(new ListStackResourcesCommand(input)),
      client.send(new DescribeStackResourcesCommand(input)),
    ];
    for (const error of await Promise.all(calls.map(errorOf))) {
      expect(error).toMatchObject({ name: 'ValidationError', message: 'Stack with id mail does not exist' });
    }
  });
});
