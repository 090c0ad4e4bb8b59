import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import { WATCH_ENV, WATCH_TIMEOUT_SECONDS } from '../../../lambda/watch/constants.ts';
import { arnOf, composeWith, idOf, synthesise } from '../synthesise.ts';

const { watch: dev } = synthesise();
const { watch: prod } = synthesise({
  stage: 'prod',
  logRetentionDays: '90',
  alarmEmail: 'on-call@example.org,second@example.org,on-call@example.org',
});

const topic = idOf(dev, 'AWS::SNS::Topic');
const watchFunction = idOf(dev, 'AWS::Lambda::Function');

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

describe('the watch function', () => {
  it('runs its bundle on Node 24 and arm64, traced, with JSON logs', () => {
    dev.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'keybuzz-mail-watch-dev',
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Timeout: WATCH_TIMEOUT_SECONDS,
      TracingConfig: { Mode: 'Active' },
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: idOf(dev, 'AWS::Logs::LogGroup') } },
    });
    prod.hasResourceProperties('AWS::Logs::LogGroup', {
      LogGroupName: '/aws/lambda/keybuzz-mail-watch-prod',
      RetentionInDays: 90,
    });
  });

  it('gets every variable that its handler reads, and no other', () => {
    const variables =
      prod.toJSON().Resources[idOf(prod, 'AWS::Lambda::Function')].Properties.Environment.Variables;
    expect(variables).toEqual({
      [WATCH_ENV.metricsNamespace]: 'keybuzz/mail',
      [WATCH_ENV.metricsStage]: 'prod',
      [WATCH_ENV.userName]: 'keybuzz-ses',
      [WATCH_ENV.suppressionTable]: 'keybuzz-mail-suppression-prod',
    });
    expect(Object.keys(variables).sort()).toEqual(Object.values(WATCH_ENV).sort());
  });

  it('is started by its rule alone, every 5 minutes, and not again where it failed', () => {
    const rule = idOf(dev, 'AWS::Events::Rule');
    dev.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(5 minutes)',
      State: 'ENABLED',
      Targets: [{ Arn: arnOf(watchFunction), RetryPolicy: { MaximumRetryAttempts: 0 } }],
    });
    dev.resourceCountIs('AWS::Lambda::Permission', 1);
    dev.hasResourceProperties('AWS::Lambda::Permission', {
      Principal: 'events.amazonaws.com',
      FunctionName: arnOf(watchFunction),
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
    const { watch } = composeWith({ stage: 'prod' });
    expect(watch.stackName).toBe('keybuzz-mail-watch-prod');
    expect(watch.terminationProtection).toBe(true);
    expect(composeWith().watch.terminationProtection).toBe(false);
  });

  it('leaves alarms, their topic and dashboards away where they are not wanted', () => {
    const { watch } = synthesise({ alarms: 'none', dashboards: 'false' });
    for (const type of ['AWS::CloudWatch::Alarm', 'AWS::SNS::Topic', 'AWS::CloudWatch::Dashboard']) {
      watch.resourceCountIs(type, 0);
    }
    watch.resourceCountIs('AWS::Lambda::Function', 1);
  });
});
