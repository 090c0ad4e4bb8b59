import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import { LOGICAL_IDS } from '../../../lib/common/names.ts';
import { arnOf, composeWith, idOf, synthesise } from '../synthesise.ts';

const dev = synthesise().pipeline;
const prod = synthesise({ stage: 'prod', payloadRetentionDays: '50' }).pipeline;

const fallbackQueue = idOf(dev, 'AWS::SQS::Queue', { QueueName: 'keybuzz-mail-fallback-dev' });
const urgentQueue = idOf(dev, 'AWS::SQS::Queue', { QueueName: 'keybuzz-mail-fallback-urgent-dev' });
const deadLetterQueue = idOf(dev, 'AWS::SQS::Queue', { QueueName: 'keybuzz-mail-dead-letters-dev' });
const receiptsQueue = idOf(dev, 'AWS::SQS::Queue', { QueueName: 'keybuzz-mail-receipts-dev' });
const bucket = idOf(dev, 'AWS::S3::Bucket');

describe('what holds data or is looked up', () => {
  it('has a fixed logical id, which a renamed construct does not change', () => {
    expect(Object.keys(dev.toJSON().Resources)).toEqual(expect.arrayContaining(Object.values(LOGICAL_IDS)));
  });
});

describe('the configuration set', () => {
  it('sends to servers without TLS as well, as mail-core does, and reports no second reputation', () => {
    dev.resourceCountIs('AWS::SES::ConfigurationSet', 1);
    dev.hasResourceProperties('AWS::SES::ConfigurationSet', {
      Name: 'keybuzz-mail-dev',
      DeliveryOptions: { TlsPolicy: 'OPTIONAL' },
      ReputationOptions: { ReputationMetricsEnabled: false },
      SendingOptions: { SendingEnabled: true },
    });
  });

  it('requires TLS if the settings say so', () => {
    synthesise({ tlsPolicy: 'require' }).pipeline.hasResourceProperties('AWS::SES::ConfigurationSet', {
      DeliveryOptions: { TlsPolicy: 'REQUIRE' },
    });
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
    ['dev', dev, 42],
    ['prod', prod, 50],
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
    prod.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
    dev.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Delete' });
  });
});

describe('the user of the API', () => {
  it('has a secret, and no key that CloudFormation would know or write back', () => {
    dev.hasResourceProperties('AWS::IAM::User', {
      UserName: 'keybuzz-ses-dev',
      LoginProfile: Match.absent(),
    });
    dev.hasResourceProperties('AWS::SecretsManager::Secret', {
      Name: 'keybuzz/dev/ses',
      SecretString: Match.absent(),
      GenerateSecretString: Match.absent(),
    });
    dev.resourceCountIs('AWS::IAM::AccessKey', 0);
  });

  it('has the agreed name in production', () => {
    prod.hasResourceProperties('AWS::IAM::User', { UserName: 'keybuzz-ses' });
  });
});

describe('the stack', () => {
  it('tells the API and the operator where things are', () => {
    dev.hasOutput('FallbackQueueUrl', { Value: { Ref: fallbackQueue } });
    dev.hasOutput('UrgentQueueUrl', { Value: { Ref: urgentQueue } });
    dev.hasOutput('HeldQueueUrl', { Value: { Ref: LOGICAL_IDS.heldQueue } });
    dev.hasOutput('DeadLetterQueueUrl', { Value: { Ref: deadLetterQueue } });
    dev.hasOutput('PayloadBucketName', { Value: { Ref: bucket } });
    dev.hasOutput('ReceiptsQueueUrl', { Value: { Ref: receiptsQueue } });
    const table = (TableName: string) => ({ Ref: idOf(dev, 'AWS::DynamoDB::Table', { TableName }) });
    dev.hasOutput('LedgerTableName', { Value: table('keybuzz-mail-ledger-dev') });
    dev.hasOutput('SuppressionTableName', { Value: table('keybuzz-mail-suppression-dev') });
    dev.hasOutput('SecretArn', { Value: { Ref: idOf(dev, 'AWS::SecretsManager::Secret') } });
    dev.hasOutput('ConfigurationSetName', { Value: { Ref: idOf(dev, 'AWS::SES::ConfigurationSet') } });
  });

  it.each([
    'AWS::SES::ConfigurationSet',
    'AWS::SQS::Queue',
    'AWS::SNS::Topic',
    'AWS::DynamoDB::Table',
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
});
