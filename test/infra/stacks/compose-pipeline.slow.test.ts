import { describe, expect, it } from '@jest/globals';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { composeWith } from '../synthesise.ts';

describe('the check of the stacks', () => {
  it.each([
    ['dev', {}],
    ['prod with DNS', { stage: 'prod', hostedZoneId: 'Z123456ABCDEFG' }],
    [
      'all alarms',
      { alarms: 'all', accountMonitoring: 'dev', workerMetrics: 'true', alarmEmail: 'a@b.example' },
    ],
    ['no alarms', { alarms: 'none', dashboards: 'false' }],
  ])('finds nothing: %s', (_name, overrides) => {
    expect(() => composeWith(overrides).app.synth()).not.toThrow();
  });

  it('fails the synth for a bucket that takes plain HTTP', () => {
    const { app, pipeline } = composeWith();
    new Bucket(pipeline, 'Planted');
    expect(() => app.synth()).toThrow(/AwsSolutions-S10/);
  });

  it('fails the synth for an alarm topic that takes plain HTTP', () => {
    const { app, monitoring } = composeWith();
    new Topic(monitoring, 'Planted');
    expect(() => app.synth()).toThrow(/AwsSolutions-SNS3/);
  });

  it('fails the synth for a permission that is wider than what was acknowledged', () => {
    const { app, pipeline } = composeWith();
    pipeline.resendFunction.role.addToPolicy(
      new PolicyStatement({
        actions: ['s3:GetObject'],
        resources: [`${pipeline.payloadBucket.bucket.bucketArn}/*`],
      }),
    );
    expect(() => app.synth()).toThrow(/AwsSolutions-IAM5\[Resource::<PayloadBucket\.Arn>\/\*\]/);
  });
});
