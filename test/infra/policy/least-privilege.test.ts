import { describe, expect, it } from '@jest/globals';
import { idOf, synthesise } from '../synthesise.ts';

const { pipeline, identity, monitoring } = synthesise({ stage: 'prod' });

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const roleOf = (name: string) =>
  idOf(pipeline, 'AWS::IAM::Role', { Description: `What keybuzz-mail-${name}-prod may do` });

const RESEND_ROLE = roleOf('resend');
const FEEDBACK_ROLE = roleOf('feedback');
const API_USER = idOf(pipeline, 'AWS::IAM::User');

/** What a user or role may do, one line for each action on each resource. */
function permissionsOf(principal: string, template = pipeline): string[] {
  const policies = Object.values(template.findResources('AWS::IAM::Policy')).filter(({ Properties }) =>
    [...(Properties.Users ?? []), ...(Properties.Roles ?? [])].some(({ Ref }) => Ref === principal),
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

const arn = (type: string, properties: object = {}) => `<${idOf(pipeline, type, properties)}.Arn>`;
const queue = (name: string) => arn('AWS::SQS::Queue', { QueueName: `keybuzz-mail-${name}-prod` });
const table = (name: string) => arn('AWS::DynamoDB::Table', { TableName: `keybuzz-mail-${name}-prod` });
const logGroup = (name: string) =>
  arn('AWS::Logs::LogGroup', { LogGroupName: `/aws/lambda/keybuzz-mail-${name}-prod` });

const fallbackQueue = queue('fallback');
const urgentQueue = queue('fallback-urgent');
const heldQueue = queue('held');
const feedbackQueue = queue('feedback');
const receiptsQueue = queue('receipts');
const ledger = table('ledger');
const suppressionList = table('suppression');
const payloadBucket = arn('AWS::S3::Bucket');
const payloads = `${payloadBucket}/payloads/*`;
const ses = 'arn:aws:ses:eu-west-1:<AWS::AccountId>';
const configurationSet = `${ses}:configuration-set/<${idOf(pipeline, 'AWS::SES::ConfigurationSet')}>`;
const fromDomain = 'if {"StringLike":{"ses:FromAddress":["*@keybuzz.io","*@*.keybuzz.io"]}}';

describe('the user of the API', () => {
  it('can put envelopes and payloads where they belong, read receipts, and do nothing else', () => {
    expect(permissionsOf(API_USER)).toEqual(
      [
        `Allow s3:PutObject on ${payloads} if {"Null":{"s3:if-none-match":"false"}}`,
        `Allow sqs:DeleteMessage on ${receiptsQueue}`,
        `Allow sqs:ReceiveMessage on ${receiptsQueue}`,
        `Allow sqs:SendMessage on ${fallbackQueue}`,
        `Allow sqs:SendMessage on ${urgentQueue}`,
      ].sort(),
    );
  });

  it('can do nothing from other addresses than those of the settings', () => {
    const { pipeline: bound } = synthesise({
      stage: 'prod',
      allowedSourceAddresses: '203.0.113.0/28,2001:db8::7',
    });
    const permissions = permissionsOf(idOf(bound, 'AWS::IAM::User'), bound);

    expect(permissions.filter((permission) => permission.startsWith('Deny'))).toEqual([
      'Deny * on * if {"NotIpAddress":{"aws:SourceIp":["203.0.113.0/28","2001:db8::7"]}}',
    ]);
  });

  it('can do nothing of SES, SNS, KMS or DynamoDB, and reach no resource by a bare wildcard', () => {
    const permissions = permissionsOf(API_USER);
    expect(permissions.filter((permission) => /\b(ses|sns|kms|dynamodb):/.test(permission))).toEqual([]);
    expect(permissions.filter((permission) => permission.endsWith(' on *'))).toEqual([]);
  });

  it('can publish metrics where that is wanted, into the namespace of the worker alone', () => {
    const { pipeline: withMetrics } = synthesise({ stage: 'prod', workerMetrics: true });
    const more = permissionsOf(idOf(withMetrics, 'AWS::IAM::User'), withMetrics).filter((permission) =>
      permission.includes('cloudwatch:'),
    );

    expect(more).toEqual([
      'Allow cloudwatch:PutMetricData on * if {"StringEquals":{"cloudwatch:namespace":"keybuzz/mail-worker"}}',
    ]);
  });

  it('can neither read what was handed over, nor write a receipt, nor see the events of SES', () => {
    const permissions = permissionsOf(API_USER);
    for (const handedOver of [fallbackQueue, urgentQueue])
      expect(permissions).not.toContain(`Allow sqs:ReceiveMessage on ${handedOver}`);
    expect(permissions.filter((permission) => permission.includes(heldQueue))).toEqual([]);
    expect(permissions).not.toContain(`Allow sqs:SendMessage on ${receiptsQueue}`);
    expect(permissions.filter((permission) => permission.includes(feedbackQueue))).toEqual([]);
    expect(permissions.filter((permission) => permission.includes('s3:GetObject'))).toEqual([]);
  });
});

describe('the role of the resend Lambda', () => {
  it('can do what resending takes, and nothing else', () => {
    expect(permissionsOf(RESEND_ROLE)).toEqual(
      [
        `Allow dynamodb:BatchGetItem on ${suppressionList}`,
        `Allow dynamodb:GetItem on ${ledger}`,
        `Allow dynamodb:PutItem on ${ledger}`,
        `Allow dynamodb:Query on ${ledger}`,
        `Allow dynamodb:UpdateItem on ${ledger}`,
        `Allow logs:CreateLogStream on ${logGroup('resend')}`,
        `Allow logs:PutLogEvents on ${logGroup('resend')}`,
        `Allow s3:GetObject on ${payloads}`,
        `Allow s3:ListBucket on ${payloadBucket}`,
        'Allow ses:GetSendQuota on *',
        'Allow ses:GetSendStatistics on *',
        `Allow ses:SendEmail on ${configurationSet}`,
        `Allow ses:SendEmail on ${ses}:identity/* ${fromDomain}`,
        `Allow ses:SendRawEmail on ${configurationSet}`,
        `Allow ses:SendRawEmail on ${ses}:identity/* ${fromDomain}`,
        ...[fallbackQueue, urgentQueue, heldQueue].flatMap((feeding) => [
          `Allow sqs:ChangeMessageVisibility on ${feeding}`,
          `Allow sqs:DeleteMessage on ${feeding}`,
          `Allow sqs:GetQueueAttributes on ${feeding}`,
          `Allow sqs:ReceiveMessage on ${feeding}`,
          `Allow sqs:SendMessage on ${feeding}`,
        ]),
        `Allow sqs:GetQueueAttributes on ${feedbackQueue}`,
        `Allow sqs:SendMessage on ${queue('dead-letters')}`,
        `Allow sqs:SendMessage on ${receiptsQueue}`,
      ].sort(),
    );
  });

  it('can forget nothing that was sent, change nobody on the suppression list, and make up no event', () => {
    const permissions = permissionsOf(RESEND_ROLE);
    expect(permissions.filter((permission) => permission.includes('DeleteItem'))).toEqual([]);
    const writes = /(Put|Update|Delete|BatchWrite)Item/;
    expect(
      permissions.filter((permission) => permission.includes(suppressionList) && writes.test(permission)),
    ).toEqual([]);
    expect(permissions).not.toContain(`Allow sqs:SendMessage on ${feedbackQueue}`);
    expect(permissions.filter((permission) => /\b(sns|kms):/.test(permission))).toEqual([]);
  });
});

describe('the role of the feedback Lambda', () => {
  it('can work its queue, dead-letter, record statuses and suppression signals, publish them, log, and nothing else', () => {
    expect(permissionsOf(FEEDBACK_ROLE)).toEqual(
      [
        `Allow dynamodb:GetItem on ${ledger}`,
        `Allow dynamodb:GetItem on ${suppressionList}`,
        `Allow dynamodb:UpdateItem on ${ledger}`,
        `Allow dynamodb:PutItem on ${suppressionList}`,
        `Allow logs:CreateLogStream on ${logGroup('feedback')}`,
        `Allow logs:PutLogEvents on ${logGroup('feedback')}`,
        `Allow sqs:ChangeMessageVisibility on ${feedbackQueue}`,
        `Allow sqs:DeleteMessage on ${feedbackQueue}`,
        `Allow sqs:GetQueueAttributes on ${feedbackQueue}`,
        `Allow sqs:ReceiveMessage on ${feedbackQueue}`,
        `Allow sqs:SendMessage on ${queue('feedback-dead-letters')}`,
        `Allow sqs:SendMessage on ${receiptsQueue}`,
      ].sort(),
    );
  });

  it('can send no mail, and neither read nor hand over any', () => {
    const permissions = permissionsOf(FEEDBACK_ROLE);
    expect(permissions.filter((permission) => /\b(ses|s3|sns|kms):/.test(permission))).toEqual([]);
    for (const mail of [fallbackQueue, urgentQueue, heldQueue])
      expect(permissions.filter((permission) => permission.includes(mail))).toEqual([]);
  });
});

describe('the role of the account-metrics Lambda', () => {
  const role = idOf(monitoring, 'AWS::IAM::Role');
  const streams = `<${idOf(monitoring, 'AWS::Logs::LogGroup')}.Arn>`;

  it('can look at the quota, the age of one key and the size of one table, log, and nothing else', () => {
    expect(permissionsOf(role, monitoring)).toEqual(
      [
        'Allow dynamodb:DescribeTable on arn:aws:dynamodb:eu-west-1:<AWS::AccountId>:table/keybuzz-mail-suppression-prod',
        'Allow iam:ListAccessKeys on arn:aws:iam::<AWS::AccountId>:user/keybuzz-ses',
        `Allow logs:CreateLogStream on ${streams}`,
        `Allow logs:PutLogEvents on ${streams}`,
        'Allow ses:GetAccount on *',
      ].sort(),
    );
  });

  it('is the only principal of its stack', () => {
    monitoring.resourceCountIs('AWS::IAM::Policy', 1);
    for (const type of ['AWS::IAM::User', 'AWS::IAM::Group', 'AWS::IAM::ManagedPolicy']) {
      monitoring.resourceCountIs(type, 0);
    }
    for (const property of ['ManagedPolicyArns', 'Policies']) {
      expect(Object.values(monitoring.findResources('AWS::IAM::Role'))[0]?.Properties).not.toHaveProperty(
        property,
      );
    }
  });
});

describe('the stacks', () => {
  it('have no other principals, and no permissions beside the policies compared above', () => {
    pipeline.resourceCountIs('AWS::IAM::User', 1);
    pipeline.resourceCountIs('AWS::IAM::Role', 2);
    pipeline.resourceCountIs('AWS::IAM::Policy', 3);
    for (const type of ['AWS::IAM::Group', 'AWS::IAM::ManagedPolicy', 'AWS::Lambda::Permission']) {
      pipeline.resourceCountIs(type, 0);
    }
    for (const type of ['AWS::IAM::User', 'AWS::IAM::Role']) {
      for (const { Properties } of Object.values(pipeline.findResources(type))) {
        for (const property of ['ManagedPolicyArns', 'Policies', 'Groups']) {
          expect(Properties).not.toHaveProperty(property);
        }
      }
    }
    expect(Object.keys(identity.findResources('AWS::IAM::Policy'))).toEqual([]);
  });

  it('have roles that Lambda alone can take on', () => {
    for (const template of [pipeline, monitoring]) {
      template.allResourcesProperties('AWS::IAM::Role', {
        AssumeRolePolicyDocument: {
          Statement: [
            { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } },
          ],
        },
      });
    }
  });

  it('allow by the policy of a resource only what brings the events of SES to their queue', () => {
    const allowed = [
      ...['AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy', 'AWS::S3::BucketPolicy'].flatMap((type) =>
        Object.values(pipeline.findResources(type)).map(({ Properties }) => Properties.PolicyDocument),
      ),
      ...Object.values(pipeline.findResources('AWS::DynamoDB::Table')).map(
        ({ Properties }) => Properties.ResourcePolicy.PolicyDocument,
      ),
    ]
      .flatMap(({ Statement }): (Statement & { Principal: unknown })[] => Statement)
      .filter(({ Effect }) => Effect !== 'Deny')
      .map(({ Principal, Action, Resource }) => [Principal, Action, readable(Resource)]);
    const sns = { Service: 'sns.amazonaws.com' };
    expect(allowed).toHaveLength(3);
    expect(allowed).toEqual(
      expect.arrayContaining([
        [{ Service: 'ses.amazonaws.com' }, 'sns:Publish', `<${idOf(pipeline, 'AWS::SNS::Topic')}>`],
        [sns, 'sqs:SendMessage', feedbackQueue],
        [sns, 'sqs:SendMessage', queue('feedback-dead-letters')],
      ]),
    );
  });
});
