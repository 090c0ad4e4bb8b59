import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import {
  FALLBACK_VISIBILITY_SECONDS,
  RESEND_BATCH_SIZE,
  RESEND_ENV,
  RESEND_TIMEOUT_SECONDS,
} from '../../lambda/resend/constants.ts';
import { MAX_QUEUE_MESSAGE_BYTES, MAX_RECEIVE_COUNT } from '../../lib/message/limits.ts';
import { composeWith, synthesise } from './synthesise.ts';

const DAY_SECONDS = 86_400;

const dev = synthesise().pipeline;
const prod = synthesise({
  stage: 'prod',
  payloadRetentionDays: '30',
  logRetentionDays: '90',
  maximumConcurrency: '7',
  accessKeySerial: '3',
}).pipeline;

/** The logical id of the only resource of a type that has these properties. */
function idOf(type: string, properties: object = {}): string {
  const ids = Object.keys(dev.findResources(type, { Properties: properties }));
  expect(ids).toHaveLength(1);
  return String(ids[0]);
}

const fallbackQueue = idOf('AWS::SQS::Queue', { QueueName: 'keybuzz-mail-fallback-dev' });
const deadLetterQueue = idOf('AWS::SQS::Queue', { QueueName: 'keybuzz-mail-dead-letters-dev' });
const bucket = idOf('AWS::S3::Bucket');
const resend = idOf('AWS::Lambda::Function');

const arnOf = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });

describe('the configuration set', () => {
  it('requires TLS, reports its reputation and sends', () => {
    dev.resourceCountIs('AWS::SES::ConfigurationSet', 1);
    dev.hasResourceProperties('AWS::SES::ConfigurationSet', {
      Name: 'keybuzz-mail-dev',
      DeliveryOptions: { TlsPolicy: 'REQUIRE' },
      ReputationOptions: { ReputationMetricsEnabled: true },
      SendingOptions: { SendingEnabled: true },
    });
  });
});

describe('the fallback queue and its dead letters', () => {
  it('are two, encrypted, keep messages for 14 days and take 1 MiB', () => {
    dev.resourceCountIs('AWS::SQS::Queue', 2);
    dev.allResourcesProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * DAY_SECONDS,
      MaximumMessageSize: 1_048_576,
    });
    expect(MAX_QUEUE_MESSAGE_BYTES).toBe(1_048_576);
  });

  it.each([fallbackQueue, deadLetterQueue])('refuse plain HTTP: %s', (queue) => {
    dev.hasResourceProperties('AWS::SQS::QueuePolicy', {
      Queues: [{ Ref: queue }],
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: 'sqs:*',
            Resource: arnOf(queue),
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
        ],
      },
    });
  });

  it('gives up a message after as many receives as the retry schedule is made for', () => {
    dev.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: 'keybuzz-mail-fallback-dev',
      RedrivePolicy: { deadLetterTargetArn: arnOf(deadLetterQueue), maxReceiveCount: MAX_RECEIVE_COUNT },
      RedriveAllowPolicy: Match.absent(),
    });
  });

  it('takes dead letters from the fallback queue alone', () => {
    dev.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: 'keybuzz-mail-dead-letters-dev',
      RedriveAllowPolicy: {
        redrivePermission: 'byQueue',
        sourceQueueArns: [
          {
            'Fn::Join': [
              '',
              ['arn:aws:sqs:eu-west-1:', { Ref: 'AWS::AccountId' }, ':keybuzz-mail-fallback-dev'],
            ],
          },
        ],
      },
      RedrivePolicy: Match.absent(),
    });
  });

  it('hides a message for at least six times as long as the function may run', () => {
    expect(FALLBACK_VISIBILITY_SECONDS).toBeGreaterThanOrEqual(6 * RESEND_TIMEOUT_SECONDS);
    dev.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: 'keybuzz-mail-fallback-dev',
      VisibilityTimeout: FALLBACK_VISIBILITY_SECONDS,
    });
    dev.hasResourceProperties('AWS::Lambda::Function', { Timeout: RESEND_TIMEOUT_SECONDS });
  });
});

describe('the payload bucket', () => {
  it('is private, encrypted and owned by its account', () => {
    dev.resourceCountIs('AWS::S3::Bucket', 1);
    dev.hasResourceProperties('AWS::S3::Bucket', {
      BucketName: Match.absent(),
      VersioningConfiguration: Match.absent(),
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
  });

  it('refuses plain HTTP and TLS before 1.2', () => {
    const resources = [arnOf(bucket), { 'Fn::Join': ['', [arnOf(bucket), '/*']] }];
    const denial = { Effect: 'Deny', Principal: { AWS: '*' }, Action: 's3:*', Resource: resources };
    dev.hasResourceProperties('AWS::S3::BucketPolicy', {
      Bucket: { Ref: bucket },
      PolicyDocument: {
        Statement: [
          { ...denial, Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
          { ...denial, Condition: { NumericLessThan: { 's3:TlsVersion': 1.2 } } },
        ],
      },
    });
  });

  it.each([
    ['dev', dev, 28],
    ['prod', prod, 30],
  ])('expires what it holds and what was never finished: %s', (_stage, template, days) => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ ExpirationInDays: days, Status: 'Enabled', Prefix: Match.absent() }),
          Match.objectLike({
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            Status: 'Enabled',
          }),
        ]),
      },
    });
  });

  it('outlives its stack in production', () => {
    prod.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    dev.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Delete' });
  });
});

describe('the resend Lambda', () => {
  it('runs the bundle on Node 24 and arm64, traced, with JSON logs', () => {
    dev.resourceCountIs('AWS::Lambda::Function', 1);
    dev.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'keybuzz-mail-resend-dev',
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      MemorySize: 1024,
      TracingConfig: { Mode: 'Active' },
      LoggingConfig: {
        LogFormat: 'JSON',
        ApplicationLogLevel: 'INFO',
        SystemLogLevel: 'INFO',
        LogGroup: { Ref: idOf('AWS::Logs::LogGroup') },
      },
    });
  });

  it('gets every variable that the handler reads, and no other', () => {
    dev.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: Match.exact({
          [RESEND_ENV.queueUrl]: { Ref: fallbackQueue },
          [RESEND_ENV.deadLetterQueueUrl]: { Ref: deadLetterQueue },
          [RESEND_ENV.payloadBucket]: { Ref: bucket },
          [RESEND_ENV.configurationSet]: { Ref: idOf('AWS::SES::ConfigurationSet') },
          [RESEND_ENV.fromDomain]: 'keybuzz.io',
        }),
      },
    });
  });

  it.each([
    ['dev', dev, 30],
    ['prod', prod, 90],
  ])('writes into a log group of its own that expires: %s', (stage, template, days) => {
    template.resourceCountIs('AWS::Logs::LogGroup', 1);
    template.hasResourceProperties('AWS::Logs::LogGroup', {
      LogGroupName: `/aws/lambda/keybuzz-mail-resend-${stage}`,
      RetentionInDays: days,
    });
  });

  it.each([
    ['dev', dev, 2],
    ['prod', prod, 7],
  ])(
    'is fed by the fallback queue and reports the items that failed: %s',
    (_stage, template, concurrency) => {
      template.resourceCountIs('AWS::Lambda::EventSourceMapping', 1);
      template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
        EventSourceArn: arnOf(fallbackQueue),
        FunctionName: { Ref: resend },
        BatchSize: RESEND_BATCH_SIZE,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: concurrency },
      });
    },
  );
});

describe('the user of the API', () => {
  it('has its key in a secret, under the names of the environment of the API', () => {
    const key = idOf('AWS::IAM::AccessKey');
    dev.hasResourceProperties('AWS::IAM::User', {
      UserName: 'keybuzz-ses-dev',
      LoginProfile: Match.absent(),
    });
    dev.hasResourceProperties('AWS::SecretsManager::Secret', { Name: 'keybuzz/dev/ses' });
    const [secret] = Object.values(dev.findResources('AWS::SecretsManager::Secret'));
    const parts: unknown[] = secret === undefined ? [] : secret.Properties.SecretString['Fn::Join'][1];
    const json = parts.map((part) =>
      typeof part === 'string' ? part : JSON.stringify(part).replaceAll('"', "'"),
    );
    expect(JSON.parse(json.join(''))).toEqual({
      AWS_SES_ACCESS_KEY: `{'Ref':'${key}'}`,
      AWS_SES_SECRET_KEY: `{'Fn::GetAtt':['${key}','SecretAccessKey']}`,
      AWS_SES_REGION: 'eu-west-1',
      FALLBACK_QUEUE_URL: `{'Ref':'${fallbackQueue}'}`,
      PAYLOAD_BUCKET: `{'Ref':'${bucket}'}`,
    });
  });

  it('gets a new key when the serial is raised', () => {
    dev.hasResourceProperties('AWS::IAM::AccessKey', { Serial: 0 });
    prod.hasResourceProperties('AWS::IAM::AccessKey', { Serial: 3 });
  });

  it('has the agreed name in production', () => {
    prod.hasResourceProperties('AWS::IAM::User', { UserName: 'keybuzz-ses' });
  });

  it('leaks its secret key into no output', () => {
    expect(JSON.stringify(dev.toJSON().Outputs)).not.toContain('SecretAccessKey');
  });
});

describe('the stack', () => {
  it('tells the API and the operator where things are', () => {
    dev.hasOutput('FallbackQueueUrl', { Value: { Ref: fallbackQueue } });
    dev.hasOutput('DeadLetterQueueUrl', { Value: { Ref: deadLetterQueue } });
    dev.hasOutput('PayloadBucketName', { Value: { Ref: bucket } });
    dev.hasOutput('SecretArn', { Value: { Ref: idOf('AWS::SecretsManager::Secret') } });
    dev.hasOutput('ConfigurationSetName', { Value: { Ref: idOf('AWS::SES::ConfigurationSet') } });
  });

  it.each([
    'AWS::SES::ConfigurationSet',
    'AWS::SQS::Queue',
    'AWS::S3::Bucket',
    'AWS::Logs::LogGroup',
    'AWS::Lambda::Function',
    'AWS::Lambda::EventSourceMapping',
    'AWS::IAM::Role',
    'AWS::IAM::User',
    'AWS::SecretsManager::Secret',
  ])('tags %s with project and stage', (type) => {
    const tags = [
      { Key: 'project', Value: 'keybuzz' },
      { Key: 'stage', Value: 'dev' },
    ];
    dev.allResourcesProperties(type, { Tags: tags });
  });

  it('cannot be deleted by mistake in production', () => {
    expect(composeWith({ stage: 'prod' }).pipeline.terminationProtection).toBe(true);
    expect(composeWith({ stage: 'dev' }).pipeline.terminationProtection).toBe(false);
  });

  it('measures what alarms will be set on', () => {
    const { pipeline } = composeWith();
    const resolved = (metric: unknown) => pipeline.resolve(metric);
    const { fallbackQueue: queues, resendFunction, sendingConfiguration } = pipeline;
    expect(resolved(queues.metricOldestAge())).toMatchObject({
      namespace: 'AWS/SQS',
      metricName: 'ApproximateAgeOfOldestMessage',
      dimensions: { QueueName: arrayGetAtt(fallbackQueue, 'QueueName') },
    });
    expect(resolved(queues.metricDeadLetters())).toMatchObject({
      metricName: 'ApproximateNumberOfMessagesVisible',
      dimensions: { QueueName: arrayGetAtt(deadLetterQueue, 'QueueName') },
    });
    expect(resolved(queues.metricWaiting())).toMatchObject({
      metricName: 'ApproximateNumberOfMessagesVisible',
      dimensions: { QueueName: arrayGetAtt(fallbackQueue, 'QueueName') },
    });
    expect(resolved(resendFunction.metricErrors())).toMatchObject({ metricName: 'Errors' });
    expect(resolved(resendFunction.metricThrottles())).toMatchObject({ metricName: 'Throttles' });
    expect(resolved(resendFunction.metricDuration())).toMatchObject({ metricName: 'Duration' });
    expect(resolved(sendingConfiguration.metricBounceRate())).toMatchObject({
      namespace: 'AWS/SES',
      metricName: 'Reputation.BounceRate',
      dimensions: { 'ses:configuration-set': { Ref: idOf('AWS::SES::ConfigurationSet') } },
    });
    expect(resolved(sendingConfiguration.metricComplaintRate())).toMatchObject({
      metricName: 'Reputation.ComplaintRate',
    });
  });
});

function arrayGetAtt(id: string, attribute: string): object {
  return { 'Fn::GetAtt': [id, attribute] };
}
