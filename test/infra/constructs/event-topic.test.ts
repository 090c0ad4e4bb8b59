import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import { idOf, synthesise } from '../synthesise.ts';

const dev = synthesise().pipeline;

const topic = idOf(dev, 'AWS::SNS::Topic');
const configurationSet = idOf(dev, 'AWS::SES::ConfigurationSet');

interface Statement {
  readonly Effect: string;
  readonly Principal: unknown;
  readonly Action: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Names of condition keys have no case. */
function conditionsOf({ Condition = {} }: Statement): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(Condition.StringEquals ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** The text of an ARN, with the intrinsic functions resolved as far as a test can. */
function readable(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::Join': join } = Object(value);
  if (Ref === 'AWS::Partition') return 'aws';
  return Ref === undefined ? join[1].map(readable).join('') : `<${Ref}>`;
}

/** The ways in for SES: just for this account and this configuration set. */
function expectOnlyOwnConfigurationSet(statement: Statement): void {
  expect(statement.Effect).toBe('Allow');
  expect(statement.Principal).toEqual({ Service: 'ses.amazonaws.com' });
  expect(Object.keys(statement.Condition ?? {})).toEqual(['StringEquals']);
  const conditions = conditionsOf(statement);
  expect(Object.keys(conditions).sort()).toEqual(['aws:sourceaccount', 'aws:sourcearn']);
  expect(conditions['aws:sourceaccount']).toEqual({ Ref: 'AWS::AccountId' });
  expect(readable(conditions['aws:sourcearn'])).toBe(
    `arn:aws:ses:eu-west-1:<AWS::AccountId>:configuration-set/<${configurationSet}>`,
  );
}

describe('the topic of the events', () => {
  it('takes events from its own configuration set alone, and over TLS alone', () => {
    dev.resourceCountIs('AWS::SNS::TopicPolicy', 1);
    const [policy] = Object.values(dev.findResources('AWS::SNS::TopicPolicy'));
    expect(policy?.Properties.Topics).toEqual([{ Ref: topic }]);
    const statements: Statement[] = policy?.Properties.PolicyDocument.Statement;
    expect(statements.filter(({ Effect }) => Effect === 'Deny')).toEqual([
      expect.objectContaining({
        Principal: '*',
        Action: 'sns:Publish',
        Resource: { Ref: topic },
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    ]);
    const [publish, ...others] = statements.filter(({ Effect }) => Effect === 'Allow');
    expect(others).toEqual([]);
    expect(publish).toMatchObject({ Action: 'sns:Publish', Resource: { Ref: topic } });
    if (publish !== undefined) expectOnlyOwnConfigurationSet(publish);
  });

  it('has no key of its own, which SES would need a right to', () => {
    dev.hasResourceProperties('AWS::SNS::Topic', {
      TopicName: 'keybuzz-mail-events-dev',
      KmsMasterKeyId: Match.absent(),
    });
    dev.resourceCountIs('AWS::KMS::Key', 0);
  });

  it('is told all that can become of a mail, and of no opens or clicks', () => {
    dev.resourceCountIs('AWS::SES::ConfigurationSetEventDestination', 1);
    const [destination] = Object.values(dev.findResources('AWS::SES::ConfigurationSetEventDestination'));
    expect(destination?.Properties).toMatchObject({
      ConfigurationSetName: { Ref: configurationSet },
      EventDestination: { Enabled: true, SnsDestination: { TopicARN: { Ref: topic } } },
    });
    const types: string[] = destination?.Properties.EventDestination.MatchingEventTypes;
    expect(types.toSorted()).toEqual([
      'bounce',
      'complaint',
      'delivery',
      'deliveryDelay',
      'reject',
      'renderingFailure',
      'send',
    ]);
  });

  it.each(['AWS::DynamoDB::Table', 'AWS::S3::Bucket'])(
    'has its destination before there is any %s, which a rollback could not delete',
    (type) => {
      const destination = idOf(dev, 'AWS::SES::ConfigurationSetEventDestination');
      for (const { DependsOn } of Object.values(dev.findResources(type))) {
        expect(DependsOn).toContain(destination);
      }
    },
  );

  it('may be published to before SES tries it', () => {
    dev.hasResource('AWS::SES::ConfigurationSetEventDestination', {
      DependsOn: [idOf(dev, 'AWS::SNS::TopicPolicy')],
    });
  });
});
