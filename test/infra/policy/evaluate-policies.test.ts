import { describe, expect, it } from '@jest/globals';
import { type Decision, evaluatePolicies, type Principal } from './evaluate-policies.ts';
import { statementsOf } from './policy-statement.ts';

const ALICE: Principal = { kind: 'identity', arn: 'arn:aws:iam::123456789012:user/alice' };
const SNS: Principal = { kind: 'service', name: 'sns.amazonaws.com' };
const QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:orders';
const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/1';

const policy = (...statements: object[]) => statementsOf({ Version: '2012-10-17', Statement: statements });
const allow = (Action: unknown, Resource: unknown, more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
const deny = (Action: unknown, Resource: unknown, more: object = {}) => ({
  ...allow(Action, Resource, more),
  Effect: 'Deny',
});

interface Asked {
  readonly principal?: Principal;
  readonly action?: string;
  readonly resource?: string;
  readonly context?: Record<string, string>;
  readonly identity?: readonly object[];
  readonly ofResource?: readonly object[];
}

function decisionOf({ identity = [], ofResource = [], ...request }: Asked): Decision {
  const { principal = ALICE, action = 'sqs:SendMessage', resource = QUEUE, context = {} } = request;
  return evaluatePolicies(
    { principal, action, resource, context },
    { identity: policy(...identity), resource: policy(...ofResource) },
  );
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html */
describe('the evaluation of policies', () => {
  it('refuses what nobody allows', () => {
    expect(decisionOf({})).toBe('not-allowed');
    expect(decisionOf({ identity: [allow('sqs:ReceiveMessage', QUEUE)] })).toBe('not-allowed');
    expect(decisionOf({ identity: [allow('sqs:SendMessage', `${QUEUE}-2`)] })).toBe('not-allowed');
  });

  it('allows within an account what either side allows', () => {
    expect(decisionOf({ identity: [allow('sqs:SendMessage', QUEUE)] })).toBe('allowed');
    const named = { Principal: { AWS: ALICE.kind === 'identity' ? ALICE.arn : '' } };
    expect(decisionOf({ ofResource: [allow('sqs:SendMessage', QUEUE, named)] })).toBe('allowed');
    expect(decisionOf({ ofResource: [allow('sqs:SendMessage', QUEUE, { Principal: '*' })] })).toBe('allowed');
    const other = { Principal: { AWS: 'arn:aws:iam::123456789012:user/bob' } };
    expect(decisionOf({ ofResource: [allow('sqs:SendMessage', QUEUE, other)] })).toBe('not-allowed');
  });

  it('lets a denial on either side go before all permissions', () => {
    const identity = [allow('sqs:*', '*')];
    expect(decisionOf({ identity: [...identity, deny('sqs:SendMessage', QUEUE)] })).toBe('explicitly-denied');
    const ofResource = [deny('sqs:*', QUEUE, { Principal: { AWS: '*' } })];
    expect(decisionOf({ identity, ofResource })).toBe('explicitly-denied');
    expect(decisionOf({ identity: [...identity, deny('sqs:SendMessage', `${QUEUE}-2`)] })).toBe('allowed');
  });

  it('takes a permission for the account as the leave to allow, which a key needs', () => {
    const account = { Principal: { AWS: 'arn:aws:iam::123456789012:root' } };
    expect(decisionOf({ ofResource: [allow('sqs:*', QUEUE, account)] })).toBe('not-allowed');
    const decrypt = { action: 'kms:Decrypt', resource: KEY };
    const identity = [allow('kms:Decrypt', KEY)];
    expect(decisionOf({ ...decrypt, identity })).toBe('not-allowed');
    expect(decisionOf({ ...decrypt, identity, ofResource: [allow('kms:*', '*', account)] })).toBe('allowed');
    const another = { Principal: { AWS: 'arn:aws:iam::999999999999:root' } };
    expect(decisionOf({ ...decrypt, identity, ofResource: [allow('kms:*', '*', another)] })).toBe(
      'not-allowed',
    );
    expect(decisionOf({ ...decrypt, identity, ofResource: [deny('kms:*', '*', account)] })).toBe(
      'explicitly-denied',
    );
  });

  it('knows services by their names, under the conditions of the policy', () => {
    const topic = 'arn:aws:sns:eu-west-1:123456789012:events';
    const ofResource = [
      allow('sqs:SendMessage', QUEUE, {
        Principal: { Service: 'sns.amazonaws.com' },
        Condition: { ArnEquals: { 'AWS:SourceArn': topic } },
      }),
    ];
    const asked = { principal: SNS, ofResource };
    expect(decisionOf({ ...asked, context: { 'aws:SourceArn': topic } })).toBe('allowed');
    expect(decisionOf({ ...asked, context: { 'aws:SourceArn': `${topic}-2` } })).toBe('not-allowed');
    expect(decisionOf(asked)).toBe('not-allowed');
    expect(decisionOf({ ofResource, context: { 'aws:SourceArn': topic } })).toBe('not-allowed');
  });

  it.each([
    ['sqs:*', true],
    ['SQS:sendmessage', true],
    ['sqs:Send*', true],
    ['sqs:SendMessag?', true],
    ['*', true],
    ['sqs:Receive*', false],
    ['sqs:SendMessage?', false],
  ])('knows the wildcards of actions: %s', (pattern, isMatch) => {
    expect(decisionOf({ identity: [allow(pattern, '*')] })).toBe(isMatch ? 'allowed' : 'not-allowed');
  });

  it.each([
    ['*', true],
    ['arn:aws:sqs:*:123456789012:orders', true],
    ['arn:aws:sqs:eu-west-1:123456789012:o*s', true],
    ['arn:aws:sqs:eu-west-1:123456789012:Orders', false],
    ['arn:aws:sqs:eu-west-1:123456789012:order', false],
    ['arn:aws:sqs:eu-west-1:123456789012.orders', false],
  ])('knows the wildcards of resources: %s', (pattern, isMatch) => {
    expect(decisionOf({ identity: [allow('sqs:*', pattern)] })).toBe(isMatch ? 'allowed' : 'not-allowed');
  });

  it('knows NotAction and NotResource', () => {
    const all = { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' };
    expect(decisionOf({ identity: [all] })).toBe('allowed');
    expect(decisionOf({ identity: [all], action: 'iam:CreateUser' })).toBe('not-allowed');
    const elsewhere = { Effect: 'Deny', Action: '*', NotResource: QUEUE };
    expect(decisionOf({ identity: [all, elsewhere] })).toBe('allowed');
    expect(decisionOf({ identity: [all, elsewhere], resource: `${QUEUE}-2` })).toBe('explicitly-denied');
  });

  it.each([
    ['StringEquals', ['a', 'b'], { a: true, c: false, absent: false }],
    ['StringNotEquals', ['a', 'b'], { a: false, c: true, absent: true }],
    ['StringEqualsIfExists', 'a', { a: true, c: false, absent: true }],
    ['StringEqualsIgnoreCase', 'A', { a: true, c: false, absent: false }],
    ['StringLike', 'a*', { a: true, abc: true, c: false, absent: false }],
    ['StringNotLike', 'a*', { abc: false, c: true, absent: true }],
    ['Bool', false, { false: true, true: false, absent: false }],
    ['BoolIfExists', 'false', { false: true, true: false, absent: true }],
    ['NumericLessThan', 1.2, { 1.1: true, 1.2: false, absent: false }],
    ['NumericGreaterThanEquals', '2', { 10: true, 1: false, absent: false }],
    [
      'ArnLike',
      'arn:aws:sns:*:1:e*',
      { 'arn:aws:sns:x:1:e:f': true, 'arn:aws:sns:x:y:1:e': false, absent: false },
    ],
    ['Null', 'true', { a: false, absent: true }],
  ])('knows the condition %s %j', (operator, values, expected) => {
    const identity = [allow('*', '*', { Condition: { [operator]: { 'aws:Key': values } } })];
    for (const [actual, isMet] of Object.entries(expected)) {
      const context: Record<string, string> = actual === 'absent' ? {} : { 'AWS:key': actual };
      expect([actual, decisionOf({ identity, context })]).toEqual([
        actual,
        isMet ? 'allowed' : 'not-allowed',
      ]);
    }
  });

  it('needs all conditions of a statement', () => {
    const Condition = { StringEquals: { 'aws:a': '1', 'aws:b': '1' }, Bool: { 'aws:c': 'true' } };
    const identity = [allow('*', '*', { Condition })];
    const context = { 'aws:a': '1', 'aws:b': '1', 'aws:c': 'true' };
    expect(decisionOf({ identity, context })).toBe('allowed');
    for (const key of Object.keys(context)) {
      expect(decisionOf({ identity, context: { ...context, [key]: '2' } })).toBe('not-allowed');
    }
  });

  it.each([
    ['an operator', allow('*', '*', { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } })],
    ['a set operator', allow('*', '*', { Condition: { 'ForAllValues:StringLike': { 'aws:TagKeys': 'a' } } })],
    ['a variable', allow('*', `arn:aws:s3:::bucket/$${'{aws:username}'}/*`)],
    ['NotPrincipal', deny('*', '*', { NotPrincipal: { AWS: '*' } })],
    ['a principal', allow('*', '*', { Principal: { Federated: 'example.org' } })],
    ['no action', { Effect: 'Allow', Resource: '*' }],
  ])('refuses what it does not understand: %s', (_, statement) => {
    expect(() => decisionOf({ identity: [statement] })).toThrow();
  });
});
