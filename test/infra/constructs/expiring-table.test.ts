import { describe, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import { EXPIRES_ATTRIBUTE, LEDGER_KEY, SUPPRESSION_KEY } from '../../../lib/adapters/dynamodb/constants.ts';
import { synthesise } from '../synthesise.ts';

const dev = synthesise().pipeline;
const prod = synthesise({ stage: 'prod' }).pipeline;

const hash = (AttributeName: string) => ({ AttributeName, KeyType: 'HASH' });
const range = (AttributeName: string) => ({ AttributeName, KeyType: 'RANGE' });

describe('the tables', () => {
  it('are the ledger and the suppression list, with the keys that the adapters use', () => {
    dev.resourceCountIs('AWS::DynamoDB::Table', 2);
    dev.hasResourceProperties('AWS::DynamoDB::Table', {
      TableName: 'keybuzz-mail-ledger-dev',
      KeySchema: [hash(LEDGER_KEY.partition), range(LEDGER_KEY.sort)],
      AttributeDefinitions: [
        { AttributeName: LEDGER_KEY.partition, AttributeType: 'S' },
        { AttributeName: LEDGER_KEY.sort, AttributeType: 'N' },
      ],
    });
    dev.hasResourceProperties('AWS::DynamoDB::Table', {
      TableName: 'keybuzz-mail-suppression-dev',
      KeySchema: [hash(SUPPRESSION_KEY.partition)],
      AttributeDefinitions: [{ AttributeName: SUPPRESSION_KEY.partition, AttributeType: 'S' }],
    });
  });

  it('are paid by the request, can be restored, and let items expire', () => {
    dev.allResourcesProperties('AWS::DynamoDB::Table', {
      BillingMode: 'PAY_PER_REQUEST',
      ProvisionedThroughput: Match.absent(),
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: EXPIRES_ATTRIBUTE, Enabled: true },
      StreamSpecification: Match.absent(),
    });
  });

  it('are encrypted with a key of DynamoDB itself, which no caller needs a right to', () => {
    dev.allResourcesProperties('AWS::DynamoDB::Table', { SSESpecification: { SSEEnabled: false } });
    dev.resourceCountIs('AWS::KMS::Key', 0);
  });

  it.each(['keybuzz-mail-ledger-dev', 'keybuzz-mail-suppression-dev'])('refuse plain HTTP: %s', (name) => {
    const arn = ['arn:aws:dynamodb:eu-west-1:', { Ref: 'AWS::AccountId' }, `:table/${name}`];
    dev.hasResourceProperties('AWS::DynamoDB::Table', {
      TableName: name,
      ResourcePolicy: {
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Deny',
              Principal: '*',
              Action: 'dynamodb:*',
              Resource: { 'Fn::Join': ['', arn] },
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            },
          ],
        },
      },
    });
  });

  it('outlive their stack in production, where nobody deletes them by mistake', () => {
    prod.allResources('AWS::DynamoDB::Table', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: { DeletionProtectionEnabled: true },
    });
    dev.allResources('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Delete',
      Properties: { DeletionProtectionEnabled: false },
    });
  });
});
