import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import {
  ACCOUNT_METRICS_ENV,
  ACCOUNT_METRICS_TIMEOUT_SECONDS,
} from '../../../lambda/account-metrics/constants.ts';
import { arnOf, composeWith, idOf, synthesise } from '../synthesise.ts';

const { monitoring: dev } = synthesise();
const { monitoring: prod } = synthesise({
  stage: 'prod',
  logRetentionDays: '90',
  alarmEmail: 'on-call@example.org,second@example.org,on-call@example.org',
});

const topic = idOf(dev, 'AWS::SNS::Topic');
const accountMetricsFunction = idOf(dev, 'AWS::Lambda::Function');

interface Statement {
  readonly Effect: string;
  readonly Condition: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

describe('the topic of the alarms', () => {
  const [policy] = Object.values(dev.findResources('AWS::SNS::TopicPolicy'));
  const statements: Statement[] = policy?.Properties.PolicyDocument.Statement;

  it('is not encrypted with a key that CloudWatch may not use', () => {
    dev.hasResourceProperties('AWS::SNS::Topic', {
      TopicName: 'keybuzz-mail-alarms-dev',
      KmsMasterKeyId: Match.absent(),
    });
  });

  it('takes messages from the alarms of its stage alone', () => {
    const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
    expect(allowed).toEqual([
      expect.objectContaining({
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Action: 'sns:Publish',
        Resource: { Ref: topic },
      }),
    ]);
    const { StringEquals, ArnLike, ...others } = allowed[0]?.Condition ?? {};
    expect(others).toEqual({});
    expect(StringEquals).toEqual({ 'aws:SourceAccount': { Ref: 'AWS::AccountId' } });
    const account = { Ref: 'AWS::AccountId' };
    const parts = ['arn:aws:cloudwatch:eu-west-1:', account, ':alarm:keybuzz-mail-dev-*'];
    expect(ArnLike).toEqual({ 'aws:SourceArn': { 'Fn::Join': ['', parts] } });
  });

  it('takes them over TLS alone', () => {
    expect(statements.filter(({ Effect }) => Effect === 'Deny')).toEqual([
      expect.objectContaining({
        Principal: '*',
        Action: 'sns:Publish',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    ]);
  });

  it('has the subscribers of the settings, each once, and none by default', () => {
    dev.resourceCountIs('AWS::SNS::Subscription', 0);
    prod.resourceCountIs('AWS::SNS::Subscription', 2);
    for (const Endpoint of ['on-call@example.org', 'second@example.org']) {
      prod.hasResourceProperties('AWS::SNS::Subscription', {
        Protocol: 'email',
        Endpoint,
        TopicArn: { Ref: idOf(prod, 'AWS::SNS::Topic') },
      });
    }
  });

  it('is told to the operator', () => {
    dev.hasOutput('AlarmTopicArn', { Value: { Ref: topic } });
  });
});

describe('the account-metrics function', () => {
  it('runs its bundle on Node 24 and arm64, with JSON logs and without traces', () => {
    dev.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'keybuzz-mail-account-metrics-dev',
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Timeout: ACCOUNT_METRICS_TIMEOUT_SECONDS,
      TracingConfig: Match.absent(),
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: idOf(dev, 'AWS::Logs::LogGroup') } },
    });
    prod.hasResourceProperties('AWS::Logs::LogGroup', {
      LogGroupName: '/aws/lambda/keybuzz-mail-account-metrics-prod',
      RetentionInDays: 90,
    });
  });

  it('gets every variable that its handler reads, and no other', () => {
    const variables =
      prod.toJSON().Resources[idOf(prod, 'AWS::Lambda::Function')].Properties.Environment.Variables;
    expect(variables).toEqual({
      [ACCOUNT_METRICS_ENV.metricsNamespace]: 'keybuzz/mail',
      [ACCOUNT_METRICS_ENV.metricsStage]: 'prod',
      [ACCOUNT_METRICS_ENV.userName]: 'keybuzz-ses',
      [ACCOUNT_METRICS_ENV.suppressionTable]: 'keybuzz-mail-suppression-prod',
    });
    expect(Object.keys(variables).sort()).toEqual(Object.values(ACCOUNT_METRICS_ENV).sort());
  });

  it('is started by its rule alone, every 5 minutes, and not again where it failed', () => {
    const rule = idOf(dev, 'AWS::Events::Rule');
    dev.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(5 minutes)',
      State: 'ENABLED',
      Targets: [{ Arn: arnOf(accountMetricsFunction), RetryPolicy: { MaximumRetryAttempts: 0 } }],
    });
    dev.resourceCountIs('AWS::Lambda::Permission', 1);
    dev.hasResourceProperties('AWS::Lambda::Permission', {
      Principal: 'events.amazonaws.com',
      FunctionName: arnOf(accountMetricsFunction),
      SourceArn: arnOf(rule),
    });
    dev.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
  });
});

describe('the stack', () => {
  it.each([
    'AWS::SNS::Topic',
    'AWS::CloudWatch::Alarm',
    'AWS::Logs::LogGroup',
    'AWS::Lambda::Function',
    'AWS::IAM::Role',
  ])('tags %s with project and stage', (type) => {
    const tags = [
      { Key: 'project', Value: 'keybuzz' },
      { Key: 'stage', Value: 'dev' },
    ];
    dev.allResourcesProperties(type, { Tags: tags });
  });

  it('has its own name, and cannot be deleted by mistake in production', () => {
    const { monitoring } = composeWith({ stage: 'prod' });
    expect(monitoring.stackName).toBe('keybuzz-mail-monitoring-prod');
    expect(monitoring.terminationProtection).toBe(true);
    expect(composeWith().monitoring.terminationProtection).toBe(false);
  });

  it('leaves alarms, their topic and dashboards away where they are not wanted', () => {
    const { monitoring } = synthesise({ alarms: 'none', dashboards: 'false' });
    for (const type of ['AWS::CloudWatch::Alarm', 'AWS::SNS::Topic', 'AWS::CloudWatch::Dashboard']) {
      monitoring.resourceCountIs(type, 0);
    }
    monitoring.resourceCountIs('AWS::Lambda::Function', 1);
  });
});
