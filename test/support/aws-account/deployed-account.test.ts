import { CloudFormationClient, ListStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { IAMClient, ListAccessKeysCommand } from '@aws-sdk/client-iam';
import { LambdaClient, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeDeployment, pipelineOutputs } from '../../../lib/cli/deployment.ts';
import { SES_FIELDS } from '../../../lib/cli/lookups/secrets.ts';
import { type LocalServices, startLocalServices } from '../../../lib/emulators/services.ts';
import { SesAccount } from '../../../lib/emulators/ses/account.ts';
import { type Synthesised, synthesise } from '../../infra/synthesise.ts';
import { runMailctl } from '../run-mailctl.ts';
import { deployIdentity } from './deploy-identity.ts';
import { deployMonitoring } from './deploy-monitoring.ts';
import { deployPipeline } from './deploy-pipeline.ts';
import { bootstrap, deployedAccount } from './deployed-account.ts';
import { resourcesOf } from './deployed-resources.ts';
import { operatorEnvironment } from './operator-environment.ts';
import { AT, clientOf, runAccount } from './running-account.ts';
import type { AwsAccountDouble } from './start-aws-account.ts';

const DEV = { project: 'keybuzz', stage: 'dev' } as const;

const STACKS = {
  identity: 'keybuzz-mail-identity',
  pipeline: 'keybuzz-mail-pipeline-dev',
  monitoring: 'keybuzz-mail-monitoring-dev',
} as const;
const STACK_KEYS = ['identity', 'pipeline', 'monitoring'] as const;

/** All that a stack can have. */
const ALL = { alarms: 'all', accountMonitoring: 'dev', workerMetrics: true } as const;

async function resourcesIn(double: AwsAccountDouble, stack: string) {
  const client = clientOf(double, CloudFormationClient);
  const listed = await client.send(new ListStackResourcesCommand({ StackName: stack }));
  return listed.StackResourceSummaries ?? [];
}

describe('a deployed account compared with the stacks that the CDK synthesises', () => {
  let stacks: Synthesised;
  beforeAll(() => {
    stacks = synthesise({ stage: 'dev', ...ALL });
  });

  it('has the same outputs', async () => {
    const double = await runAccount(deployedAccount());
    const described = await describeDeployment(clientOf(double, CloudFormationClient), DEV);
    for (const stack of STACK_KEYS) {
      const outputs = Object.keys(stacks[stack].toJSON().Outputs);
      expect(Object.keys(described[stack]?.outputs ?? {}).sort()).toEqual(outputs.sort());
    }
    for (const output of ['MailFromMxRecord', 'MailFromSpfRecord', 'DmarcRecord']) {
      const { Value } = stacks.identity.toJSON().Outputs[output];
      expect(described.identity?.outputs[output]).toBe(Value);
    }
  });

  it('has only their resources, of the same types and names', async () => {
    const double = await runAccount(deployedAccount(ALL));
    for (const stack of STACK_KEYS) {
      const { Resources } = stacks[stack].toJSON();
      const listed = await resourcesIn(double, STACKS[stack]);
      expect(listed.length).toBeGreaterThan(0);
      for (const { LogicalResourceId = '', ResourceType, PhysicalResourceId = '' } of listed) {
        expect({ id: LogicalResourceId, type: Resources[LogicalResourceId]?.Type }).toEqual({
          id: LogicalResourceId,
          type: ResourceType,
        });
        const given = nameIn(Resources[LogicalResourceId].Properties);
        if (given !== undefined) expect(PhysicalResourceId).toContain(given);
      }
    }
  });

  it('has a secret as mailctl rotate writes it, and the functions with the same batches', async () => {
    const double = await runAccount(deployedAccount());
    const { SecretArn } = await pipelineOutputs(clientOf(double, CloudFormationClient), DEV);
    const secrets = clientOf(double, SecretsManagerClient);
    const { SecretString = '' } = await secrets.send(new GetSecretValueCommand({ SecretId: SecretArn }));
    expect(Object.keys(JSON.parse(SecretString)).sort()).toEqual([...SES_FIELDS].sort());

    const lambda = clientOf(double, LambdaClient);
    const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({}));
    const mappings = Object.values(stacks.pipeline.findResources('AWS::Lambda::EventSourceMapping'));
    const described = EventSourceMappings.map(({ BatchSize, ScalingConfig }) => [BatchSize, ScalingConfig]);
    expect(described.sort()).toEqual(
      mappings.map(({ Properties }) => [Properties.BatchSize, Properties.ScalingConfig]).sort(),
    );
  });

  it('has the same alarms, with the same descriptions and topic', () => {
    const { alarms, topics } = deployedAccount(ALL);
    const synthesised = Object.values(stacks.monitoring.findResources('AWS::CloudWatch::Alarm'));
    expect([...alarms.values()].map(({ name, description }) => [name, description]).sort()).toEqual(
      synthesised.map(({ Properties }) => [Properties.AlarmName, Properties.AlarmDescription]).sort(),
    );
    const topic = [...topics.keys()].find((arn) => arn.endsWith(':keybuzz-mail-alarms-dev'));
    for (const { actions } of alarms.values()) expect(actions).toEqual([topic]);
  });

  /** The name of a resource in a template. */
  function nameIn(properties: Record<string, unknown>): string | undefined {
    const keys = [
      ...['QueueName', 'TableName', 'TopicName', 'FunctionName', 'UserName', 'Name', 'EmailIdentity'],
      ...['AlarmName', 'DashboardName'],
    ];
    const names = keys.map((key) => properties[key]).filter((value) => typeof value === 'string');
    return names.at(0);
  }
});

describe('a deployment', () => {
  it('grows with each deployment step', async () => {
    const double = await runAccount();
    const client = clientOf(double, CloudFormationClient);
    const ses = new SesAccount({ sandbox: true });
    bootstrap(double.account);
    const nothing = { identity: undefined, pipeline: undefined, monitoring: undefined };
    expect(await describeDeployment(client, DEV)).toEqual(nothing);

    deployIdentity(double.account, { ses });
    const { identity } = await describeDeployment(client, DEV);
    const domain = ses.identities.get('keybuzz.io');
    expect(domain).toMatchObject({
      status: 'PENDING',
      mailFrom: { domain: 'bounce.keybuzz.io', status: 'PENDING' },
    });
    expect(identity?.outputs.DkimRecord2).toBe(
      `${domain?.dkimTokens[1]}._domainkey.keybuzz.io CNAME ${domain?.dkimTokens[1]}.dkim.amazonses.com`,
    );

    deployPipeline(double.account, { ses });
    const outputs = await pipelineOutputs(client, DEV);
    expect(ses.configurationSets.get(outputs.ConfigurationSetName)).toMatchObject({ tlsPolicy: 'REQUIRE' });
    expect(double.account.alarms.size).toBe(0);

    deployMonitoring(double.account, { alarmEmail: ['ops@example.org'] });
    const { monitoring } = await describeDeployment(client, DEV);
    const topic = double.account.topics.get(monitoring?.outputs.AlarmTopicArn ?? '');
    expect(topic?.subscriptions).toEqual([
      { protocol: 'email', endpoint: 'ops@example.org', confirmed: false },
    ]);
    expect(double.account.alarms.size).toBe(16);
  });

  it('has no topic without alarms', () => {
    const { alarms, stacks, topics } = deployedAccount({ alarms: 'none' });
    expect([alarms.size, stacks.get(STACKS.monitoring)?.outputs]).toEqual([0, {}]);
    expect([...topics.keys()].filter((arn) => arn.includes('alarms'))).toEqual([]);
  });

  it('does not change an identity that is already verified', () => {
    const ses = new SesAccount({ identities: ['keybuzz.io'] });
    deployedAccount({ ses });
    expect(ses.identities.get('keybuzz.io')?.status).toBe('SUCCESS');
  });

  it('has the given stage, domain and age', async () => {
    const options = { stage: 'prod', domain: 'example.org', project: 'shop', at: AT } as const;
    const double = await runAccount(deployedAccount(options));
    const client = clientOf(double, CloudFormationClient);
    const { identity, pipeline } = await describeDeployment(client, { project: 'shop', stage: 'prod' });
    expect(identity?.outputs.MailFromMxRecord).toMatch(/^bounce\.example\.org MX /);
    expect(pipeline?.outputs.FallbackQueueUrl).toMatch(/shop-mail-fallback-prod$/);
    const keys = await clientOf(double, IAMClient).send(
      new ListAccessKeysCommand({ UserName: 'keybuzz-ses' }),
    );
    expect(keys.AccessKeyMetadata).toMatchObject([{ CreateDate: AT, Status: 'Active' }]);
  });
});

describe('the command line with the emulators', () => {
  let services: LocalServices;
  beforeAll(async () => {
    services = await startLocalServices({ fallbackVisibilitySeconds: 30, feedbackVisibilitySeconds: 30 });
  });
  afterAll(() => services.close());

  it('finds what is deployed, and works on it', async () => {
    const account = deployedAccount({ resources: resourcesOf(services), ses: services.ses.account });
    const double = await runAccount(account);
    const environment = operatorEnvironment(double, services);
    const listed = await runMailctl(['--json', 'suppression', 'ls'], environment);
    expect(listed).toMatchObject({ code: 0 });
    expect(double.callsOf({ service: 'cloudformation', action: 'DescribeStacks' })).toBeGreaterThan(0);

    account.stacks.delete('keybuzz-mail-pipeline-dev');
    const lost = await runMailctl(['--json', 'suppression', 'ls'], environment);
    expect(lost.code).toBe(2);
    expect(JSON.parse(lost.stdout)).toMatchObject({ error: { code: 'NOT_DEPLOYED' } });
  });
});
