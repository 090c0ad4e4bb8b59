import { describe, expect, it } from '@jest/globals';
import type { Template } from 'aws-cdk-lib/assertions';
import { resourceNames } from '../../lib/infra/resource-names.ts';
import { composeWith, settingsWith, synthesise } from './synthesise.ts';

const dev = synthesise({ stage: 'dev' }).pipeline;
const prod = synthesise({ stage: 'prod' }).pipeline;

const NAME_PROPERTIES = [
  'QueueName',
  'FunctionName',
  'UserName',
  'RoleName',
  'BucketName',
  'LogGroupName',
  'TableName',
  'TopicName',
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

  it('share no name', () => {
    const names = new Set(physicalNames(prod));
    expect(physicalNames(prod)).toHaveLength(physicalNames(dev).length);
    expect(physicalNames(dev).filter((name) => names.has(name))).toEqual([]);
  });

  it('have stacks of different names, and one stack for the identity', () => {
    const inDev = composeWith({ stage: 'dev' });
    const inProd = composeWith({ stage: 'prod' });
    expect(inDev.pipeline.stackName).not.toBe(inProd.pipeline.stackName);
    expect(inDev.identity.stackName).toBe(inProd.identity.stackName);
  });

  it.each([
    ['dev', dev],
    ['prod', prod],
  ])('neither own the identity nor import it: %s', (_stage, template) => {
    template.resourceCountIs('AWS::SES::EmailIdentity', 0);
    expect(JSON.stringify(template.toJSON())).not.toMatch(/Fn::ImportValue|Fn::GetStackOutput/);
  });
});
