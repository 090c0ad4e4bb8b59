import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  paginateListEventSourceMappings,
} from '@aws-sdk/client-lambda';
import { describe, expect, it } from '@jest/globals';
import { errorOf } from '../../emulators/ses/running-double.ts';
import { AwsAccount } from './aws-account.ts';
import { AT, clientOf, runAccount } from './running-account.ts';

const ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:resend';
const QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:fallback';

function withFunctions() {
  const common = { state: 'Enabled', batchSize: 5, modifiedAt: AT } as const;
  return new AwsAccount().add({
    functions: ['resend', 'feedback'].map((name) => ({
      name,
      timeoutSeconds: 90,
      environment: { LEDGER_TABLE: 'ledger' },
      modifiedAt: AT,
    })),
    sourceMappings: [
      { ...common, id: '1', functionName: 'resend', sourceArn: QUEUE, maximumConcurrency: 2 },
      { ...common, id: '2', functionName: 'feedback', sourceArn: `${QUEUE}-feedback` },
    ],
  });
}

describe('a function', () => {
  it.each([
    ['name', 'resend'],
    ['ARN', ARN],
    ['ARN from the account id on', '123456789012:function:resend'],
  ])('is found by its %s', async (_what, name) => {
    const client = clientOf(await runAccount(withFunctions()), LambdaClient);
    const configuration = await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    expect(configuration).toMatchObject({
      FunctionName: 'resend',
      FunctionArn: ARN,
      State: 'Active',
      LastUpdateStatus: 'Successful',
      Timeout: 90,
      Environment: { Variables: { LEDGER_TABLE: 'ledger' } },
      LastModified: '2026-03-01T12:00:00.000+0000',
    });
  });

  it('is not found if it does not exist', async () => {
    const client = clientOf(await runAccount(), LambdaClient);
    const unknown = {
      name: 'ResourceNotFoundException',
      message: `Function not found: ${ARN}`,
      status: 404,
    };
    const input = { FunctionName: 'resend' };
    const calls = [
      client.send(new GetFunctionConfigurationCommand(input)),
      client.send(new ListEventSourceMappingsCommand(input)),
    ];
    for (const error of await Promise.all(calls.map(errorOf))) expect(error).toEqual(unknown);
  });
});

describe('event source mappings', () => {
  it('are listed by function, by source, or all', async () => {
    const double = await runAccount(withFunctions());
    const client = clientOf(double, LambdaClient);
    const ids = async (input: { FunctionName?: string; EventSourceArn?: string }) => {
      const { EventSourceMappings } = await client.send(new ListEventSourceMappingsCommand(input));
      return (EventSourceMappings ?? []).map(({ UUID }) => UUID);
    };
    expect(await ids({})).toEqual(['1', '2']);
    expect(await ids({ FunctionName: ARN })).toEqual(['1']);
    expect(await ids({ EventSourceArn: `${QUEUE}-feedback` })).toEqual(['2']);
    expect(await ids({ FunctionName: 'resend', EventSourceArn: `${QUEUE}-feedback` })).toEqual([]);
  });

  it('have their current state, and are listed in pages', async () => {
    const double = await runAccount(withFunctions());
    double.account.pageSize = 1;
    const mapping = double.account.sourceMappings.get('1');
    if (mapping !== undefined) mapping.state = 'Disabled';
    const client = clientOf(double, LambdaClient);
    const seen: unknown[] = [];
    for await (const page of paginateListEventSourceMappings({ client }, {})) {
      seen.push(page.EventSourceMappings);
    }
    expect(seen).toMatchObject([
      [
        {
          State: 'Disabled',
          EventSourceArn: QUEUE,
          FunctionArn: ARN,
          BatchSize: 5,
          ScalingConfig: { MaximumConcurrency: 2 },
          LastModified: AT,
        },
      ],
      [{ State: 'Enabled' }],
    ]);
  });
});
