import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import {
  FEEDBACK_BATCH_WINDOW_SECONDS,
  FEEDBACK_TIMEOUT_SECONDS,
} from '../../../lambda/feedback/constants.ts';
import { RESEND_TIMEOUT_SECONDS } from '../../../lambda/resend/constants.ts';
import { DAY_SECONDS } from '../../../lib/common/time.ts';
import { MAX_QUEUE_MESSAGE_BYTES, MAX_RECEIVE_COUNT } from '../../../lib/domain/limits.ts';
import { arnOf, idOf, synthesise } from '../synthesise.ts';

const dev = synthesise().pipeline;

const topic = idOf(dev, 'AWS::SNS::Topic');
const queueId = (QueueName: string) => idOf(dev, 'AWS::SQS::Queue', { QueueName });

/** The name of each queue, that of its dead letters, and how long a message is hidden. */
const QUEUES: readonly (readonly [queue: string, deadLetters: string, hiddenSeconds: number])[] = [
  ['keybuzz-mail-fallback-dev', 'keybuzz-mail-dead-letters-dev', 6 * RESEND_TIMEOUT_SECONDS],
  ['keybuzz-mail-fallback-urgent-dev', 'keybuzz-mail-dead-letters-dev', 6 * RESEND_TIMEOUT_SECONDS],
  ['keybuzz-mail-held-dev', 'keybuzz-mail-dead-letters-dev', 6 * RESEND_TIMEOUT_SECONDS],
  [
    'keybuzz-mail-feedback-dev',
    'keybuzz-mail-feedback-dead-letters-dev',
    6 * FEEDBACK_TIMEOUT_SECONDS + FEEDBACK_BATCH_WINDOW_SECONDS,
  ],
  ['keybuzz-mail-receipts-dev', 'keybuzz-mail-receipts-dead-letters-dev', 300],
];

const NAMES = [...new Set(QUEUES.flatMap(([queue, deadLetters, _hiddenSeconds]) => [queue, deadLetters]))];

/** Who may send to a queue beside those whom a role or a user allows it. */
const fromTopic = (queue: string) => ({
  Effect: 'Allow',
  Principal: { Service: 'sns.amazonaws.com' },
  Action: 'sqs:SendMessage',
  Resource: arnOf(queue),
  Condition: { ArnEquals: { 'aws:SourceArn': { Ref: topic } } },
});

const prod = synthesise({ stage: 'prod' }).pipeline;

describe('the queues', () => {
  it('outlive their stack in production with the mail in them, unless their own create is rolled back', () => {
    prod.allResources('AWS::SQS::Queue', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
    dev.allResources('AWS::SQS::Queue', { DeletionPolicy: 'Delete' });
  });

  it('are five with three of dead letters, encrypted, keep messages for 14 days and take 1 MiB', () => {
    dev.resourceCountIs('AWS::SQS::Queue', 8);
    dev.allResourcesProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * DAY_SECONDS,
      MaximumMessageSize: 1_048_576,
    });
    expect(MAX_QUEUE_MESSAGE_BYTES).toBe(1_048_576);
  });

  it.each(NAMES)('refuse plain HTTP, and take from outside the events of SES alone: %s', (name) => {
    const queue = queueId(name);
    const refusal = {
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: 'sqs:*',
      Resource: arnOf(queue),
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    };
    dev.hasResourceProperties('AWS::SQS::QueuePolicy', {
      Queues: [{ Ref: queue }],
      PolicyDocument: { Statement: name.includes('feedback') ? [refusal, fromTopic(queue)] : [refusal] },
    });
  });

  it.each(QUEUES)(
    'give up a message after as many receives as SQS allows, and hide it as long as needed: %s',
    (name, deadLetters, visibilitySeconds) => {
      dev.hasResourceProperties('AWS::SQS::Queue', {
        QueueName: name,
        VisibilityTimeout: visibilitySeconds,
        RedrivePolicy: {
          deadLetterTargetArn: arnOf(queueId(deadLetters)),
          maxReceiveCount: MAX_RECEIVE_COUNT,
        },
        RedriveAllowPolicy: Match.absent(),
      });
    },
  );

  it.each([
    ['keybuzz-mail-dead-letters-dev', 3],
    ['keybuzz-mail-feedback-dead-letters-dev', 1],
    ['keybuzz-mail-receipts-dead-letters-dev', 1],
  ])('have dead letter queues that take from them alone: %s', (deadLetters, count) => {
    const sources = QUEUES.filter(([, theirs]) => theirs === deadLetters).map(([name]) => name);
    expect(sources).toHaveLength(count);
    dev.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: deadLetters,
      RedriveAllowPolicy: {
        redrivePermission: 'byQueue',
        sourceQueueArns: sources.map((name) => ({
          'Fn::Join': ['', ['arn:aws:sqs:eu-west-1:', { Ref: 'AWS::AccountId' }, `:${name}`]],
        })),
      },
      RedrivePolicy: Match.absent(),
    });
  });
});

describe('the feedback queue', () => {
  it('gets the events as SES wrote them, and keeps those that SNS could not deliver', () => {
    dev.resourceCountIs('AWS::SNS::Subscription', 1);
    dev.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'sqs',
      TopicArn: { Ref: topic },
      Endpoint: arnOf(queueId('keybuzz-mail-feedback-dev')),
      RawMessageDelivery: true,
      RedrivePolicy: { deadLetterTargetArn: arnOf(queueId('keybuzz-mail-feedback-dead-letters-dev')) },
      FilterPolicy: Match.absent(),
    });
  });
});
