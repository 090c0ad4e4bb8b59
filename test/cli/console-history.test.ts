import { CloudWatchClient, type GetMetricDataCommandInput } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from '@jest/globals';
import { readCloudWatchHistory } from '../../lib/cli/console/cloud-watch-history.ts';
import { SampledHistory } from '../../lib/cli/console/sampled-history.ts';
import type { Charts } from '../../lib/console/sources/overview.ts';
import { METRICS } from '../../lib/domain/metrics.ts';
import { aSnapshot, aWorker, minutesAgo, UNKNOWN } from '../console/a-snapshot.ts';

const NOW = new Date('2026-03-01T03:02:00Z');
const signal = new AbortController().signal;

const seriesOf = ({ charts }: Charts, chart: string, label: string) =>
  charts.find(({ id }) => id === chart)?.series.find((one) => one.label === label)?.values ?? [];

describe('the last hours from CloudWatch', () => {
  const asked: GetMetricDataCommandInput[] = [];

  /** A client that answers each query for a metric with these values, at the beginning of the last period but one. */
  const clientWith = (values: Readonly<Record<string, number>>) => {
    const client = new CloudWatchClient({ region: 'eu-west-1' });
    client.middlewareStack.add(
      () =>
        async ({ input }) => {
          const sent = input as GetMetricDataCommandInput;
          asked.push(sent);
          const MetricDataResults = sent.MetricDataQueries?.map(({ Id, MetricStat }) => {
            const value = values[MetricStat?.Metric?.MetricName ?? ''];
            return value === undefined
              ? { Id, Timestamps: [], Values: [] }
              : { Id, Timestamps: [new Date('2026-03-01T02:55:00Z')], Values: [value] };
          });
          return { output: { MetricDataResults, $metadata: {} }, response: {} };
        },
      { step: 'initialize' },
    );
    return client;
  };

  const read = (values: Readonly<Record<string, number>>) =>
    readCloudWatchHistory(
      clientWith(values),
      { deployment: { project: 'acme', stage: 'prod' } },
      new Map([
        ['urgent', 'acme-mail-fallback-urgent-prod'],
        ['normal', 'acme-mail-fallback-prod'],
      ]),
      NOW,
      signal,
    );

  it('shows counts by the minute, and no publication as none', async () => {
    const history = await read({ SmtpTaken: 50 });
    const values = seriesOf(history, 'rate', 'accepted by mail-core');

    expect(values).toHaveLength(72);
    expect(values.at(-2)).toBe(10);
    expect(values.filter((value) => value === 0)).toHaveLength(71);
  });

  it('adds up what waits in the queues, and shows no data as not known', async () => {
    const history = await read({
      ApproximateNumberOfMessagesVisible: 7,
      ApproximateNumberOfMessagesNotVisible: 1,
    });
    const values = seriesOf(history, 'waiting', 'in SQS');

    expect(values.at(-2)).toBe(16);
    expect(values.at(-1)).toBeNull();
    // The deployment has no such queue.
    expect(seriesOf(history, 'waiting', 'held').every((value) => value === null)).toBe(true);
  });

  it('asks for metrics that exist, of this deployment, with ids that CloudWatch takes', async () => {
    await read({});
    const queries = asked.at(-1)?.MetricDataQueries ?? [];

    for (const { Id, MetricStat } of queries) {
      expect(Id).toMatch(/^[a-z][a-zA-Z0-9_]*$/);
      const { Namespace = '', MetricName = '', Dimensions = [] } = MetricStat?.Metric ?? {};
      if (Namespace === 'AWS/SQS') continue;
      expect(METRICS).toHaveProperty(MetricName);
      expect(Namespace).toMatch(/^acme\/mail/);
      expect(Dimensions).toContainEqual({ Name: 'stage', Value: 'prod' });
    }
    expect(new Set(queries.map(({ Id }) => Id)).size).toBe(queries.length);
  });
});

describe('the last hours as the console has seen them', () => {
  const at = (minutes: number, accepted: number) =>
    aSnapshot({ at: minutesAgo(minutes), worker: aWorker({ accepted }) });

  it('counts what was accepted in the minute before', () => {
    const history = new SampledHistory();
    for (const snapshot of [at(3, 100), at(2, 130), at(1, 131), at(0, 131)]) history.add(snapshot);

    expect(seriesOf(history.charts, 'rate', 'accepted by mail-core')).toEqual([0, 30, 1, 0]);
  });

  it('takes a worker that was started again for none that un-sends', () => {
    const history = new SampledHistory();
    for (const snapshot of [at(2, 130), at(1, 2)]) history.add(snapshot);

    expect(seriesOf(history.charts, 'rate', 'accepted by mail-core')).toEqual([0, 0]);
  });

  it('shows what could not be read as not known', () => {
    const history = new SampledHistory();
    history.add(aSnapshot({ worker: UNKNOWN, outbox: UNKNOWN, queues: UNKNOWN }));

    for (const { series } of history.charts.charts)
      for (const { values } of series) expect(values).toEqual([null]);
  });

  it('forgets what is older than three hours', () => {
    const history = new SampledHistory();
    for (let minute = 400; minute >= 0; minute -= 1) history.add(at(minute, 0));

    expect(history.charts.charts[0]?.times).toHaveLength(181);
  });
});
