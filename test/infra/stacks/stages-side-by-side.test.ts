import { describe, expect, it } from '@jest/globals';
import type { Template } from 'aws-cdk-lib/assertions';
import { monitoringNames, resourceNames } from '../../../lib/common/names.ts';
import { composeWith, settingsWith, synthesise } from '../synthesise.ts';

const everyAlarm = { alarms: 'all', workerMetrics: 'true' };
const withAll = (stage: string) => synthesise({ stage, accountMonitoring: stage, ...everyAlarm });
const { pipeline: dev, monitoring: devMonitoring } = withAll('dev');
const { pipeline: prod, monitoring: prodMonitoring } = withAll('prod');

const NAME_PROPERTIES = [
  'QueueName',
  'FunctionName',
  'UserName',
  'RoleName',
  'BucketName',
  'LogGroupName',
  'TableName',
  'TopicName',
  'AlarmName',
  'DashboardName',
  'Name',
];

/** The names that CloudFormation would ask AWS for; a `Ref` is no name. */
function physicalNames(template: Template): string[] {
  const resources: Record<string, { Properties?: Record<string, unknown> }> = template.toJSON().Resources;
  return Object.values(resources).flatMap(({ Properties = {} }) =>
    NAME_PROPERTIES.map((property) => Properties[property]).filter((name) => typeof name === 'string'),
  );
}

describe('two stages in one account', () => {
  it('have the names that a person looks for', () => {
    expect(physicalNames(dev).sort()).toEqual(
      [
        ...Object.values(resourceNames(settingsWith())),
        '/aws/lambda/keybuzz-mail-resend-dev',
        '/aws/lambda/keybuzz-mail-feedback-dev',
      ].sort(),
    );
  });

  it('have monitoring with readable names', () => {
    const names = monitoringNames(settingsWith());
    const alarms = Object.values(devMonitoring.findResources('AWS::CloudWatch::Alarm'));
    expect(alarms).toHaveLength(23);
    expect(physicalNames(devMonitoring).sort()).toEqual(
      [
        ...Object.values(names),
        '/aws/lambda/keybuzz-mail-account-metrics-dev',
        ...alarms.map(({ Properties }) => Properties.AlarmName),
      ].sort(),
    );
  });

  it.each([
    ['pipeline', dev, prod],
    ['monitoring', devMonitoring, prodMonitoring],
  ])('share no name: %s', (_stack, ofDev, ofProd) => {
    const names = new Set(physicalNames(ofProd));
    expect(physicalNames(ofProd)).toHaveLength(physicalNames(ofDev).length);
    expect(physicalNames(ofDev).filter((name) => names.has(name))).toEqual([]);
  });

  it('have stacks of different names, and one stack for the identity', () => {
    const inDev = composeWith({ stage: 'dev' });
    const inProd = composeWith({ stage: 'prod' });
    expect(inDev.pipeline.stackName).not.toBe(inProd.pipeline.stackName);
    expect(inDev.monitoring.stackName).not.toBe(inProd.monitoring.stackName);
    expect(inDev.identity.stackName).toBe(inProd.identity.stackName);
  });

  it.each([
    ['dev', dev],
    ['prod', prod],
    ['the monitoring of dev', devMonitoring],
    ['the monitoring of prod', prodMonitoring],
  ])('neither own the identity nor import it: %s', (_stage, template) => {
    template.resourceCountIs('AWS::SES::EmailIdentity', 0);
    expect(JSON.stringify(template.toJSON())).not.toMatch(/Fn::ImportValue|Fn::GetStackOutput/);
  });
});
