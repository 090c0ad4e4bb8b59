import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import {
  FEEDBACK_BATCH_SIZE,
  FEEDBACK_BATCH_WINDOW_SECONDS,
  FEEDBACK_ENV,
  FEEDBACK_TIMEOUT_SECONDS,
} from '../../../lambda/feedback/constants.ts';
import { RESEND_BATCH_SIZE, RESEND_ENV, RESEND_TIMEOUT_SECONDS } from '../../../lambda/resend/constants.ts';
import { arnOf, idOf, synthesise } from '../synthesise.ts';

const dev = synthesise().pipeline;
const prod = synthesise({
  stage: 'prod',
  logRetentionDays: '90',
  maximumConcurrency: '7',
  feedbackMaximumConcurrency: '9',
  ledgerRetentionDays: '100',
  softBounceLimit: '5',
  softBounceWindowDays: '14',
  suppressionExemptTenants: 'tenant-1,tenant-2',
  eventWaitLeastSeconds: '120',
  eventWaitDefaultSeconds: '600',
  eventWaitMostSeconds: '1800',
}).pipeline;

const STAGES = [
  ['dev', dev],
  ['prod', prod],
] as const;

/** What the settings come to in each stage. */
const SET = {
  dev: {
    concurrency: { resend: 2, feedback: 2 },
    logDays: 30,
    ledgerDays: '90',
    softBounces: '3',
    windowDays: '7',
    tenants: '',
    waits: ['60', '900', '3600'],
  },
  prod: {
    concurrency: { resend: 7, feedback: 9 },
    logDays: 90,
    ledgerDays: '100',
    softBounces: '5',
    windowDays: '14',
    tenants: 'tenant-1,tenant-2',
    waits: ['120', '600', '1800'],
  },
} as const;

const functionName = (name: string, stage: string) => `keybuzz-mail-${name}-${stage}`;

describe.each(STAGES)('the Lambdas: %s', (stage, template) => {
  const set = SET[stage];
  const queue = (name: string) =>
    idOf(template, 'AWS::SQS::Queue', { QueueName: `keybuzz-mail-${name}-${stage}` });
  const table = (name: string) =>
    idOf(template, 'AWS::DynamoDB::Table', { TableName: `keybuzz-mail-${name}-${stage}` });

  it.each([
    ['resend', 1024, RESEND_TIMEOUT_SECONDS],
    ['feedback', 512, FEEDBACK_TIMEOUT_SECONDS],
  ])(
    'run their bundle on Node 24 and arm64, with JSON logs and without traces: %s',
    (name, memory, timeout) => {
      template.resourceCountIs('AWS::Lambda::Function', 2);
      template.hasResourceProperties('AWS::Lambda::Function', {
        FunctionName: functionName(name, stage),
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        MemorySize: memory,
        Timeout: timeout,
        TracingConfig: Match.absent(),
        LoggingConfig: {
          LogFormat: 'JSON',
          ApplicationLogLevel: 'INFO',
          SystemLogLevel: 'INFO',
          LogGroup: {
            Ref: idOf(template, 'AWS::Logs::LogGroup', {
              LogGroupName: `/aws/lambda/${functionName(name, stage)}`,
            }),
          },
        },
      });
    },
  );

  it('write into log groups of their own that expire', () => {
    template.resourceCountIs('AWS::Logs::LogGroup', 2);
    template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: set.logDays });
  });

  it('get every variable that the handler of the resend Lambda reads, and no other', () => {
    const [least, otherwise, most] = set.waits;
    expect(variablesOf('resend')).toEqual({
      [RESEND_ENV.queueUrl]: { Ref: queue('fallback') },
      [RESEND_ENV.urgentQueueUrl]: { Ref: queue('fallback-urgent') },
      [RESEND_ENV.heldQueueUrl]: { Ref: queue('held') },
      [RESEND_ENV.deadLetterQueueUrl]: { Ref: queue('dead-letters') },
      [RESEND_ENV.payloadBucket]: { Ref: idOf(template, 'AWS::S3::Bucket') },
      [RESEND_ENV.configurationSet]: { Ref: idOf(template, 'AWS::SES::ConfigurationSet') },
      [RESEND_ENV.fromDomain]: 'keybuzz.io',
      [RESEND_ENV.reputationFuse]: 'on',
      [RESEND_ENV.receiptsQueueUrl]: { Ref: queue('receipts') },
      [RESEND_ENV.feedbackQueueUrl]: { Ref: queue('feedback') },
      [RESEND_ENV.ledgerTable]: { Ref: table('ledger') },
      [RESEND_ENV.ledgerRetentionDays]: set.ledgerDays,
      [RESEND_ENV.suppressionTable]: { Ref: table('suppression') },
      [RESEND_ENV.softBounceLimit]: set.softBounces,
      [RESEND_ENV.softBounceWindowDays]: set.windowDays,
      [RESEND_ENV.exemptTenants]: set.tenants,
      [RESEND_ENV.eventWaitLeastSeconds]: least,
      [RESEND_ENV.eventWaitDefaultSeconds]: otherwise,
      [RESEND_ENV.eventWaitMostSeconds]: most,
      [RESEND_ENV.metricsNamespace]: 'keybuzz/mail',
      [RESEND_ENV.metricsStage]: stage,
    });
    expect(Object.keys(variablesOf('resend')).sort()).toEqual(Object.values(RESEND_ENV).sort());
  });

  it('get every variable that the handler of the feedback Lambda reads, and no other', () => {
    expect(variablesOf('feedback')).toEqual({
      [FEEDBACK_ENV.queueUrl]: { Ref: queue('feedback') },
      [FEEDBACK_ENV.deadLetterQueueUrl]: { Ref: queue('feedback-dead-letters') },
      [FEEDBACK_ENV.receiptsQueueUrl]: { Ref: queue('receipts') },
      [FEEDBACK_ENV.ledgerTable]: { Ref: table('ledger') },
      [FEEDBACK_ENV.ledgerRetentionDays]: set.ledgerDays,
      [FEEDBACK_ENV.suppressionTable]: { Ref: table('suppression') },
      [FEEDBACK_ENV.softBounceLimit]: set.softBounces,
      [FEEDBACK_ENV.softBounceWindowDays]: set.windowDays,
      [FEEDBACK_ENV.fromDomain]: 'keybuzz.io',
      [FEEDBACK_ENV.reputationFuse]: 'on',
      [FEEDBACK_ENV.metricsNamespace]: 'keybuzz/mail',
      [FEEDBACK_ENV.metricsStage]: stage,
    });
    expect(Object.keys(variablesOf('feedback')).sort()).toEqual(Object.values(FEEDBACK_ENV).sort());
  });

  it('may go round in a loop where they push what is left of a mail, and nowhere else', () => {
    const loops = (name: string) => template.findResources('AWS::Lambda::Function')[functionId(name)];
    expect(loops('resend')?.Properties.RecursiveLoop).toBe('Allow');
    expect(loops('feedback')?.Properties.RecursiveLoop).toBe('Terminate');
  });

  it('are fed by their queues and report the items that failed', () => {
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 4);
    for (const [name, concurrency] of [
      ['fallback', set.concurrency.resend],
      // A backlog of normal mail takes nothing of it.
      ['fallback-urgent', 2],
      ['held', 2],
    ] as const) {
      template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
        EventSourceArn: arnOf(queue(name)),
        FunctionName: { Ref: functionId('resend') },
        BatchSize: RESEND_BATCH_SIZE,
        MaximumBatchingWindowInSeconds: Match.absent(),
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: concurrency },
      });
    }
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: arnOf(queue('feedback')),
      FunctionName: { Ref: functionId('feedback') },
      BatchSize: FEEDBACK_BATCH_SIZE,
      MaximumBatchingWindowInSeconds: FEEDBACK_BATCH_WINDOW_SECONDS,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: set.concurrency.feedback },
    });
  });

  it('keep the ids of their event sources: AWS allows one between a queue and a function, so none can be replaced', () => {
    expect(Object.keys(template.findResources('AWS::Lambda::EventSourceMapping'))).toEqual(
      expect.arrayContaining(['ResendEventSource10462DD0', 'FeedbackEventSourceD256AFCC']),
    );
  });

  function functionId(name: string): string {
    return idOf(template, 'AWS::Lambda::Function', { FunctionName: functionName(name, stage) });
  }

  function variablesOf(name: string): Record<string, unknown> {
    return template.toJSON().Resources[functionId(name)].Properties.Environment.Variables;
  }
});
