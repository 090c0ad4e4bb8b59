import { describe, expect, it } from '@jest/globals';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { alarmsOf } from './alarm-definition.ts';

const bounced = new Metric({
  namespace: 'shop/mail',
  metricName: 'Bounced',
  dimensionsMap: { stage: 'dev', cause: 'hard' },
  statistic: 'Sum',
  period: Duration.minutes(15),
});

/** The alarms that the CDK writes into a template. */
function synthesised(...alarms: AlarmProps[]) {
  const stack = new Stack(new App(), 'watch');
  for (const [index, props] of alarms.entries()) new Alarm(stack, `Alarm${index}`, props);
  return Template.fromStack(stack).toJSON();
}

/** One alarm as a template has it. */
function templateWith(changes: object) {
  const Properties = {
    AlarmName: 'bounces',
    Namespace: 'shop/mail',
    MetricName: 'Bounced',
    Statistic: 'Sum',
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: 'GreaterThanThreshold',
    ...changes,
  };
  return { Resources: { Bounces: { Type: 'AWS::CloudWatch::Alarm', Properties } } };
}

describe('the alarms of a template', () => {
  it('are read with all that decides about them', () => {
    const template = synthesised({
      alarmName: 'bounces',
      alarmDescription: 'Too many bounces.',
      metric: bounced,
      threshold: 5,
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    expect(alarmsOf(template)).toMatchObject([
      {
        name: 'bounces',
        description: 'Too many bounces.',
        periodMs: 15 * 60_000,
        evaluationPeriods: 3,
        datapointsToAlarm: 2,
        comparison: 'GreaterThanThreshold',
        threshold: 5,
        treatMissing: 'notBreaching',
        queries: [
          {
            kind: 'metric',
            statistic: 'Sum',
            metric: { namespace: 'shop/mail', name: 'Bounced', dimensions: { stage: 'dev', cause: 'hard' } },
          },
        ],
      },
    ]);
  });

  it('are read where they compare an expression', () => {
    const metric = new MathExpression({
      expression: '100 * bounced / sent',
      usingMetrics: { bounced, sent: bounced.with({ dimensionsMap: { stage: 'dev' }, statistic: 'p99' }) },
      period: Duration.minutes(15),
    });
    const [alarm] = alarmsOf(synthesised({ metric, threshold: 5, evaluationPeriods: 1 }));
    const watched = alarm?.queries.find(({ id }) => id === alarm.watchedId);
    expect(watched).toMatchObject({ kind: 'expression', expression: '100 * bounced / sent' });
    expect(alarm?.queries.filter(({ visible }) => !visible).map(({ id }) => id)).toEqual(['bounced', 'sent']);
    expect(alarm).toMatchObject({
      name: expect.stringMatching(/^Alarm0/),
      datapointsToAlarm: 1,
      treatMissing: 'missing',
    });
  });

  it.each([undefined, 'missing', 'breaching', 'notBreaching'])(
    'ignore what is missing of DynamoDB, whatever is said: %s',
    (TreatMissingData) => {
      const [alarm] = alarmsOf(
        templateWith({
          Namespace: 'AWS/DynamoDB',
          ...(TreatMissingData === undefined ? {} : { TreatMissingData }),
        }),
      );
      expect(alarm?.treatMissing).toBe('ignore');
    },
  );

  it('have literals also where the CDK has joined them', () => {
    const AlarmName = { 'Fn::Join': ['-', ['shop', { 'Fn::Join': ['', ['bo', 'unces']] }]] };
    expect(alarmsOf(templateWith({ AlarmName }))).toMatchObject([{ name: 'shop-bounces' }]);
  });

  it('are none in a template without', () => {
    expect(alarmsOf({ Resources: { Queue: { Type: 'AWS::SQS::Queue' } } })).toEqual([]);
  });
});

describe('an alarm that cannot be read', () => {
  it('is refused where AWS alone knows a dimension', () => {
    const stack = new Stack(new App(), 'watch');
    const metric = new Queue(stack, 'Queue').metricApproximateAgeOfOldestMessage();
    new Alarm(stack, 'Old', { metric, threshold: 5, evaluationPeriods: 1 });
    expect(() => alarmsOf(Template.fromStack(stack).toJSON())).toThrow(
      /the alarm Old\w+ cannot be read: the dimension QueueName has a value that only AWS knows/,
    );
  });

  it.each([
    ['a name that AWS makes', { AlarmName: { Ref: 'Other' } }, 'its name is one that only AWS knows'],
    ['anomalies', { ComparisonOperator: 'LessThanLowerThreshold' }, 'LessThanLowerThreshold'],
    ['a window of the clock', { EvaluationWindow: { WallClockWindow: {} } }, 'SlidingWindow'],
    ['no statistic', { Statistic: undefined }, 'no metric with a period and a statistic'],
    ['no metrics', { Metrics: [] }, 'do not have one period'],
    ['two results', { Metrics: [queryOf('a', 60), queryOf('b', 60)] }, 'it looks at 2 series instead of one'],
    ['two periods', { Metrics: [queryOf('a', 60), queryOf('b', 300)] }, 'do not have one period'],
  ])('is refused by name: %s', (_what, changes, reason) => {
    expect(() => alarmsOf(templateWith(changes))).toThrow(reason);
  });

  function queryOf(Id: string, Period: number) {
    return {
      Id,
      MetricStat: { Metric: { Namespace: 'shop/mail', MetricName: 'Bounced' }, Period, Stat: 'Sum' },
    };
  }
});
