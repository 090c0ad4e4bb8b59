import { describe, expect, it } from '@jest/globals';
import { synthesise } from './synthesise.ts';

const { pipeline, identity } = synthesise({ stage: 'prod' });

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** What a principal may do, one line for each action on each resource. */
function permissionsOf(kind: 'Users' | 'Roles'): string[] {
  const policies = Object.values(pipeline.findResources('AWS::IAM::Policy')).filter(
    ({ Properties }) => Properties[kind] !== undefined,
  );
  return policies
    .flatMap(({ Properties }): Statement[] => Properties.PolicyDocument.Statement)
    .flatMap((statement) =>
      listOf(statement.Resource).flatMap((resource) =>
        listOf(statement.Action).map((action) => {
          const condition =
            statement.Condition === undefined ? '' : ` if ${JSON.stringify(statement.Condition)}`;
          return `${statement.Effect} ${String(action)} on ${readable(resource)}${condition}`;
        }),
      ),
    )
    .sort();
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** An ARN as a person writes it, with the logical ids in place of what is known at the deploy only. */
function readable(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const [[intrinsic, argument] = []] = Object.entries(Object(resource));
  if (intrinsic === 'Ref') return `<${String(argument)}>`;
  if (intrinsic === 'Fn::GetAtt' && Array.isArray(argument)) return `<${argument.join('.')}>`;
  if (intrinsic === 'Fn::Join' && Array.isArray(argument)) return listOf(argument[1]).map(readable).join('');
  throw new Error(`a resource this test cannot read: ${JSON.stringify(resource)}`);
}

function idOf(type: string, properties: object = {}): string {
  return String(Object.keys(pipeline.findResources(type, { Properties: properties }))[0]);
}

const fallbackQueue = `<${idOf('AWS::SQS::Queue', { QueueName: 'keybuzz-mail-fallback-prod' })}.Arn>`;
const deadLetters = `<${idOf('AWS::SQS::Queue', { QueueName: 'keybuzz-mail-dead-letters-prod' })}.Arn>`;
const payloadBucket = `<${idOf('AWS::S3::Bucket')}.Arn>`;
const payloads = `${payloadBucket}/payloads/*`;
const logGroup = `<${idOf('AWS::Logs::LogGroup')}.Arn>`;
const ses = 'arn:aws:ses:eu-west-1:<AWS::AccountId>';
const configurationSet = `${ses}:configuration-set/<${idOf('AWS::SES::ConfigurationSet')}>`;
const fromDomain = 'if {"StringLike":{"ses:FromAddress":["*@keybuzz.io","*@*.keybuzz.io"]}}';

describe('the user of the API', () => {
  it('can put envelopes on the queue and payloads under the prefix, and do nothing else', () => {
    expect(permissionsOf('Users')).toEqual([
      `Allow s3:PutObject on ${payloads}`,
      `Allow sqs:SendMessage on ${fallbackQueue}`,
    ]);
  });

  it('can do nothing of SES, and reach no resource by a bare wildcard', () => {
    expect(permissionsOf('Users').filter((permission) => permission.includes('ses:'))).toEqual([]);
    expect(permissionsOf('Users').filter((permission) => permission.endsWith(' on *'))).toEqual([]);
  });
});

describe('the role of the resend Lambda', () => {
  it('can work its queue, park, read payloads, send from the domain, log and trace, and do nothing else', () => {
    expect(permissionsOf('Roles')).toEqual(
      [
        `Allow logs:CreateLogStream on ${logGroup}`,
        `Allow logs:PutLogEvents on ${logGroup}`,
        `Allow s3:GetObject on ${payloads}`,
        `Allow s3:ListBucket on ${payloadBucket}`,
        `Allow ses:SendEmail on ${configurationSet} ${fromDomain}`,
        `Allow ses:SendEmail on ${ses}:identity/keybuzz.io ${fromDomain}`,
        `Allow ses:SendRawEmail on ${configurationSet} ${fromDomain}`,
        `Allow ses:SendRawEmail on ${ses}:identity/keybuzz.io ${fromDomain}`,
        `Allow sqs:ChangeMessageVisibility on ${fallbackQueue}`,
        `Allow sqs:DeleteMessage on ${fallbackQueue}`,
        `Allow sqs:GetQueueAttributes on ${fallbackQueue}`,
        `Allow sqs:ReceiveMessage on ${fallbackQueue}`,
        `Allow sqs:SendMessage on ${deadLetters}`,
        `Allow sqs:SendMessage on ${fallbackQueue}`,
        'Allow xray:PutTelemetryRecords on *',
        'Allow xray:PutTraceSegments on *',
      ].sort(),
    );
  });

  it('can be taken on by Lambda alone', () => {
    pipeline.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } },
        ],
      },
    });
  });
});

describe('the stacks', () => {
  it('have no other principals, and no permissions beside the policies compared above', () => {
    pipeline.resourceCountIs('AWS::IAM::User', 1);
    pipeline.resourceCountIs('AWS::IAM::Role', 1);
    pipeline.resourceCountIs('AWS::IAM::Policy', 2);
    for (const type of ['AWS::IAM::Group', 'AWS::IAM::ManagedPolicy', 'AWS::Lambda::Permission']) {
      pipeline.resourceCountIs(type, 0);
    }
    for (const type of ['AWS::IAM::User', 'AWS::IAM::Role']) {
      const [principal] = Object.values(pipeline.findResources(type));
      for (const property of ['ManagedPolicyArns', 'Policies', 'Groups']) {
        expect(principal?.Properties).not.toHaveProperty(property);
      }
    }
    expect(Object.keys(identity.findResources('AWS::IAM::Policy'))).toEqual([]);
  });

  it('allow nothing by a policy of a resource', () => {
    for (const type of ['AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy']) {
      for (const { Properties } of Object.values(pipeline.findResources(type))) {
        const effects = Properties.PolicyDocument.Statement.map(({ Effect }: Statement) => Effect);
        expect(new Set(effects)).toEqual(new Set(['Deny']));
      }
    }
  });
});
