import {
  CloudWatchClient,
  GetMetricDataCommand,
  type GetMetricDataCommandInput,
  GetMetricStatisticsCommand,
  type GetMetricStatisticsCommandInput,
  PutMetricDataCommand,
  type PutMetricDataCommandInput,
} from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from '@jest/globals';
import { errorOf } from '../../emulators/ses/running-double.ts';
import { AwsAccount } from './aws-account.ts';
import { AT, clientOf, runAccount } from './running-account.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const later = (ms: number) => new Date(AT.getTime() + ms);

/** An account with a fixed clock, and a client. */
async function running() {
  const account = new AwsAccount({ now: () => AT });
  const client = clientOf(await runAccount(account), CloudWatchClient);
  return {
    account,
    put: (changes: Partial<PutMetricDataCommandInput>) =>
      client.send(
        new PutMetricDataCommand({ Namespace: 'shop/mail-worker', MetricData: [datum()], ...changes }),
      ),
    statistics: (changes: Partial<GetMetricStatisticsCommandInput> = {}) =>
      client.send(new GetMetricStatisticsCommand({ ...STATISTICS, ...changes })),
    data: (changes: Partial<GetMetricDataCommandInput>) =>
      client.send(
        new GetMetricDataCommand({ StartTime: AT, EndTime: later(HOUR), MetricDataQueries: [], ...changes }),
      ),
  };
}

const DIMENSIONS = [{ Name: 'stage', Value: 'dev' }];

const STATISTICS: GetMetricStatisticsCommandInput = {
  Namespace: 'shop/mail-worker',
  MetricName: 'OutboxWaiting',
  Dimensions: DIMENSIONS,
  StartTime: AT,
  EndTime: later(3 * MINUTE),
  Period: 60,
  Statistics: ['Maximum'],
};

function datum(changes: object = {}) {
  return {
    MetricName: 'OutboxWaiting',
    Dimensions: DIMENSIONS,
    Timestamp: AT,
    Value: 3,
    Unit: 'Count',
    ...changes,
  } as const;
}

describe('published metrics', () => {
  it('are in the account, at their timestamp, or now by default', async () => {
    const { account, put } = await running();
    await put({
      MetricData: [datum({ Timestamp: later(-MINUTE) }), datum({ Timestamp: undefined, Value: 4 })],
    });
    await put({
      MetricData: [datum({ Value: undefined, Values: [1, 2], Counts: [3, 1], MetricName: 'Other' })],
    });
    const seriesOf = (name: string) =>
      account.metrics.series(
        { namespace: 'shop/mail-worker', name, dimensions: { stage: 'dev' } },
        { statistic: 'Sum', periodMs: MINUTE, fromMs: AT.getTime() - MINUTE, toMs: AT.getTime() + MINUTE },
      );
    expect(seriesOf('OutboxWaiting')).toEqual([3, 4]);
    expect(seriesOf('Other')).toEqual([undefined, 5]);
  });

  it('arrive by the thousand, compressed by the client', async () => {
    const { account, put } = await running();
    await put({
      MetricData: Array.from({ length: 1000 }, (_, index) => datum({ MetricName: `Metric${index}` })),
    });
    expect(account.metrics.ids()).toHaveLength(1000);
  });

  it.each<[string, Partial<PutMetricDataCommandInput>]>([
    ['a namespace of AWS', { Namespace: 'AWS/SQS' }],
    ['too many', { MetricData: Array.from({ length: 1001 }, () => datum()) }],
    ['too many values', { MetricData: [datum({ Value: undefined, Values: Array(151).fill(1) })] }],
    ['too many dimensions', { MetricData: [datum({ Dimensions: Array(31).fill(DIMENSIONS[0]) })] }],
    ['an empty dimension', { MetricData: [datum({ Dimensions: [{ Name: 'stage', Value: '' }] })] }],
    ['no value and no values', { MetricData: [datum({ Value: undefined })] }],
    ['both a value and values', { MetricData: [datum({ Values: [1] })] }],
    ['counts of other values', { MetricData: [datum({ Value: undefined, Values: [1], Counts: [1, 2] })] }],
    ['an invalid value', { MetricData: [datum({ Value: Number.NaN })] }],
    ['an unknown unit', { MetricData: [datum({ Unit: 'Mails' })] }],
    [
      'a time more than two weeks ago',
      { MetricData: [datum(), datum({ Timestamp: later(-14 * DAY - 1000) })] },
    ],
    [
      'a time in more than two hours',
      { MetricData: [datum(), datum({ Timestamp: later(2 * HOUR + 1000) })] },
    ],
    [
      'a statistic set, which the double does not support',
      {
        MetricData: [
          datum({ Value: undefined, StatisticValues: { SampleCount: 1, Sum: 1, Minimum: 1, Maximum: 1 } }),
        ],
      },
    ],
  ])('are rejected as a whole: %s', async (_what, changes) => {
    const { account, put } = await running();
    expect(await errorOf(put(changes))).toMatchObject({
      name: 'InvalidParameterValueException',
      status: 400,
    });
    expect(account.metrics.ids()).toEqual([]);
  });

  it('are accepted at the limits of the time range', async () => {
    const { put } = await running();
    await put({
      MetricData: [datum({ Timestamp: later(-14 * DAY) }), datum({ Timestamp: later(2 * HOUR) })],
    });
  });

  it('are not seen in another Region', async () => {
    const double = await runAccount(new AwsAccount({ now: () => AT }));
    const elsewhere = clientOf(double, CloudWatchClient, { region: 'eu-central-1' });
    await elsewhere.send(new PutMetricDataCommand({ Namespace: 'shop/mail', MetricData: [datum()] }));
    expect(double.account.metrics.ids()).toEqual([]);
  });
});

describe('statistics of a metric', () => {
  it('are returned for each period with data, in no order', async () => {
    const { put, statistics } = await running();
    await put({
      MetricData: [0, 1, 1, 2].map((minute) =>
        datum({ Timestamp: later(minute * MINUTE), Value: minute + 1 }),
      ),
    });
    const { Label, Datapoints = [] } = await statistics({ Statistics: ['Maximum', 'Sum'] });
    expect(Label).toBe('OutboxWaiting');
    expect(Datapoints.map(({ Timestamp }) => Timestamp)).not.toEqual([AT, later(MINUTE), later(2 * MINUTE)]);
    expect(Datapoints).toHaveLength(3);
    expect(Datapoints).toContainEqual({ Timestamp: later(MINUTE), Unit: 'Count', Maximum: 2, Sum: 4 });
  });

  it('have percentiles, and are empty for another unit or metric', async () => {
    const { put, statistics } = await running();
    await put({ MetricData: [datum({ Value: undefined, Values: [1, 2, 3, 4] })] });
    const { Datapoints } = await statistics({ Statistics: undefined, ExtendedStatistics: ['p50', 'p100'] });
    expect(Datapoints).toMatchObject([{ ExtendedStatistics: { p50: 2, p100: 4 } }]);
    expect((await statistics({ Unit: 'Bytes' })).Datapoints).toEqual([]);
    expect((await statistics({ Unit: 'Count' })).Datapoints).toHaveLength(1);
    expect((await statistics({ Dimensions: [] })).Datapoints).toEqual([]);
  });

  it('begin with the minute of the start time', async () => {
    const { put, statistics } = await running();
    await put({ MetricData: [0, 6].map((minute) => datum({ Timestamp: later(minute * MINUTE) })) });
    const { Datapoints } = await statistics({
      StartTime: later(2 * MINUTE + 1),
      EndTime: later(12 * MINUTE),
      Period: 300,
    });
    expect(Datapoints).toMatchObject([{ Timestamp: later(2 * MINUTE), Maximum: 3 }]);
  });

  it.each<[string, string, Partial<GetMetricStatisticsCommandInput>]>([
    ['a period that is not a multiple of a minute', 'InvalidParameterValueException', { Period: 61 }],
    ['an invalid statistic', 'InvalidParameterValueException', { ExtendedStatistics: ['p101'] }],
    ['no time', 'InvalidParameterCombinationException', { EndTime: AT }],
    ['no statistics', 'InvalidParameterCombinationException', { Statistics: undefined }],
    ['more than 1,440 of them', 'InvalidParameterCombinationException', { EndTime: later(1441 * MINUTE) }],
  ])('are rejected: %s', async (_what, name, changes) => {
    const { statistics } = await running();
    expect(await errorOf(statistics(changes))).toMatchObject({ name, status: 400 });
  });
});

describe('data of metrics', () => {
  const metricStat = {
    Metric: { Namespace: 'shop/mail-worker', MetricName: 'OutboxWaiting', Dimensions: DIMENSIONS },
    Period: 60,
    Stat: 'Sum',
  };
  const MetricDataQueries = [
    { Id: 'm1', MetricStat: metricStat, ReturnData: false },
    { Id: 'e1', Expression: 'm1 * 10', Label: 'ten times' },
  ];

  it('are returned as requested, the newest first by default', async () => {
    const { put, data } = await running();
    await put({
      MetricData: [0, 30].map((minute) => datum({ Timestamp: later(minute * MINUTE), Value: minute + 1 })),
    });
    const newest = await data({ MetricDataQueries });
    const Timestamps = [later(30 * MINUTE), AT];
    expect(newest.MetricDataResults).toEqual([
      { Id: 'e1', Label: 'ten times', StatusCode: 'Complete', Timestamps, Values: [310, 10] },
    ]);
    const oldest = await data({ MetricDataQueries, ScanBy: 'TimestampAscending' });
    expect(oldest.MetricDataResults?.[0]).toMatchObject({
      Timestamps: [...Timestamps].reverse(),
      Values: [10, 310],
    });
  });

  it('are rejected with the unsupported expression', async () => {
    const { data } = await running();
    const error = await errorOf(
      data({ MetricDataQueries: [{ Id: 'e1', Expression: 'SEARCH("x", "Sum")' }] }),
    );
    expect(error).toMatchObject({ name: 'ValidationException', message: expect.stringContaining('SEARCH') });
    expect(await errorOf(data({ EndTime: AT }))).toMatchObject({ name: 'ValidationException' });
  });
});
