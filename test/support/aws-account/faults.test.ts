import { connect } from 'node:net';
import {
  CloudFormationClient,
  DescribeStacksCommand,
  ListStackResourcesCommand,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchClient, DescribeAlarmsCommand, ListMetricsCommand } from '@aws-sdk/client-cloudwatch';
import { IAMClient, ListAccessKeysCommand, ListUsersCommand } from '@aws-sdk/client-iam';
import { LambdaClient, ListEventSourceMappingsCommand, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import {
  DescribeSecretCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { ListTopicsCommand, SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, it } from '@jest/globals';
import { errorOf } from '../../emulators/ses/running-double.ts';
import { clientOf, runAccount } from './running-account.ts';
import type { AwsAccountDouble } from './start-aws-account.ts';

/** One call of each protocol. */
const CALLS = [
  {
    protocol: 'query',
    service: 'sts',
    make: (double: AwsAccountDouble, signal?: AbortSignal) =>
      clientOf(double, STSClient).send(new GetCallerIdentityCommand({}), options(signal)),
    names: {
      throttle: 'Throttling',
      denied: 'AccessDenied',
      'unknown-key': 'InvalidClientTokenId',
      'expired-session': 'ExpiredToken',
    },
  },
  {
    protocol: 'JSON',
    service: 'cloudwatch',
    make: (double: AwsAccountDouble, signal?: AbortSignal) =>
      clientOf(double, CloudWatchClient).send(new DescribeAlarmsCommand({}), options(signal)),
    names: {
      throttle: 'ThrottlingException',
      denied: 'AccessDeniedException',
      'unknown-key': 'UnrecognizedClientException',
      'expired-session': 'ExpiredTokenException',
    },
  },
  {
    protocol: 'REST',
    service: 'lambda',
    make: (double: AwsAccountDouble, signal?: AbortSignal) =>
      clientOf(double, LambdaClient).send(new ListEventSourceMappingsCommand({}), options(signal)),
    names: {
      throttle: 'TooManyRequestsException',
      denied: 'AccessDeniedException',
      'unknown-key': 'UnrecognizedClientException',
      'expired-session': 'ExpiredTokenException',
    },
  },
] as const;

function options(signal: AbortSignal | undefined) {
  return signal === undefined ? {} : { abortSignal: signal };
}

describe.each(CALLS)('faults of $protocol', ({ service, make, names }) => {
  it.each(Object.entries(names))('%s is an error called %s', async (kind, name) => {
    const double = await runAccount();
    double.fault({ fault: { kind: kind as keyof typeof names } });
    const error = await errorOf(make(double));
    expect(error.name).toBe(name);
    double.heal();
    await make(double);
  });

  it('name the missing permission, and the caller', async () => {
    const double = await runAccount();
    double.fault({ fault: { kind: 'denied' }, on: { service } });
    const { message } = await errorOf(make(double));
    expect(message).toContain(`is not authorized to perform: ${service}:`);
    expect(message).toContain(double.account.caller.arn);
  });

  it('may be any error, or a failure of the service', async () => {
    const double = await runAccount();
    const fault = {
      kind: 'error',
      code: 'OptInRequired',
      message: 'Not in this Region',
      status: 403,
    } as const;
    double.fault({ fault, times: 1 });
    expect(await errorOf(make(double))).toEqual({
      name: 'OptInRequired',
      message: 'Not in this Region',
      status: 403,
    });
    double.fault({ fault: { kind: 'failure', status: 503 }, times: 1 });
    expect(await errorOf(make(double))).toMatchObject({ name: 'ServiceUnavailable', status: 503 });
    await make(double);
  });

  it('may be no response until the caller gives up', async () => {
    const double = await runAccount();
    double.fault({ fault: { kind: 'silence' } });
    const timeout = new AbortController();
    const call = make(double, timeout.signal);
    const error = errorOf(call);
    await double.waitForCall({ service });
    timeout.abort();
    expect((await error).name).toBe('AbortError');
  });

  it('may be a reset of the connection', async () => {
    const double = await runAccount();
    double.fault({ fault: { kind: 'reset' }, times: 1 });
    expect((await errorOf(make(double))).message).toContain('ECONNRESET');
  });
});

describe('a fault', () => {
  it('applies only to matching calls, as often as configured', async () => {
    const double = await runAccount();
    double.fault({
      fault: { kind: 'denied' },
      on: { service: 'cloudformation', action: 'DescribeStacks' },
      times: 1,
    });
    const stacks = clientOf(double, CloudFormationClient);
    const resources = new ListStackResourcesCommand({ StackName: 'mail' });
    expect(await errorOf(stacks.send(resources))).toMatchObject({ name: 'ValidationError' });
    await clientOf(double, STSClient).send(new GetCallerIdentityCommand({}));
    expect(await errorOf(stacks.send(new DescribeStacksCommand({})))).toMatchObject({ name: 'AccessDenied' });
    await stacks.send(new DescribeStacksCommand({}));
    expect(double.callsOf({ service: 'cloudformation', action: 'DescribeStacks' })).toBe(2);
    expect(double.calls.map(({ action }) => action)).toEqual([
      'ListStackResources',
      'GetCallerIdentity',
      'DescribeStacks',
      'DescribeStacks',
    ]);
  });

  it('that is transient is survived by the retries of the SDK', async () => {
    const double = await runAccount();
    double.fault({ fault: { kind: 'throttle' }, times: 1 });
    const sts = clientOf(double, STSClient, { maxAttempts: 2 });
    await sts.send(new GetCallerIdentityCommand({}));
    expect(double.callsOf({})).toBe(2);
  });

  it('of IAM and SNS has their own error codes', async () => {
    const double = await runAccount();
    double.fault({ fault: { kind: 'denied' } });
    const keys = clientOf(double, IAMClient).send(new ListAccessKeysCommand({ UserName: 'api' }));
    expect(await errorOf(keys)).toMatchObject({ name: 'AccessDenied', status: 403 });
    const topics = clientOf(double, SNSClient).send(new ListTopicsCommand({}));
    expect(await errorOf(topics)).toMatchObject({ name: 'AuthorizationErrorException', status: 403 });
  });
});

describe('a call that the double does not support', () => {
  it.each([
    ['iam:ListUsers', (double) => clientOf(double, IAMClient).send(new ListUsersCommand({}))],
    [
      'cloudwatch:ListMetrics',
      (double) => clientOf(double, CloudWatchClient).send(new ListMetricsCommand({})),
    ],
    [
      'secretsmanager:ListSecrets',
      (double) => clientOf(double, SecretsManagerClient).send(new ListSecretsCommand({})),
    ],
    ['lambda:', (double) => clientOf(double, LambdaClient).send(new ListFunctionsCommand({}))],
  ] as [string, (double: AwsAccountDouble) => Promise<unknown>][])('is rejected: %s', async (name, make) => {
    const error = await errorOf(make(await runAccount()));
    expect(error).toMatchObject({ name: 'UnknownOperationException', status: 404 });
    expect(error.message).toContain(`The double does not know ${name}`);
  });

  it('is rejected if the service is unknown', async () => {
    const double = await runAccount();
    const { ListQueuesCommand } = await import('@aws-sdk/client-sqs');
    const error = await errorOf(clientOf(double, SQSClient).send(new ListQueuesCommand({})));
    expect(error.message).toContain('The double does not know the service sqs');
  });

  it('is rejected without a signature', async () => {
    const double = await runAccount();
    const response = await fetch(double.url, { method: 'POST', body: 'Action=GetCallerIdentity' });
    expect(response.status).toBe(403);
  });

  it('is rejected if parameters are missing or wrong', async () => {
    const double = await runAccount();
    const call = clientOf(double, CloudWatchClient).send(new DescribeAlarmsCommand({ MaxRecords: 101 }));
    expect(await errorOf(call)).toMatchObject({ name: 'ValidationException', status: 400 });
    const secret = clientOf(double, SecretsManagerClient).send(
      new DescribeSecretCommand({ SecretId: undefined }),
    );
    expect((await errorOf(secret)).message).toContain('SecretId');
  });
});

describe('closing', () => {
  it('ends calls without a response, and frees the port', async () => {
    const double = await runAccount();
    double.fault({ fault: { kind: 'silence' } });
    const call = clientOf(double, STSClient).send(new GetCallerIdentityCommand({}));
    const ended = call.then(
      () => 'answered',
      () => 'broken',
    );
    await double.waitForCall({ service: 'sts' });
    await double.close();
    expect(await ended).toBe('broken');
    const refused = new Promise((resolve) => {
      connect(Number(new URL(double.url).port), '127.0.0.1').once('error', ({ message }) => resolve(message));
    });
    expect(await refused).toContain('ECONNREFUSED');
  });
});
