import {
  type CloudWatchClient,
  GetMetricDataCommand,
  type MetricDataQuery,
} from '@aws-sdk/client-cloudwatch';
import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';
import type { ChartSeries, Charts, QueueName } from '../../console/sources/overview.ts';
import { type MetricName, metricNamespace, workerMetricNamespace } from '../../domain/metrics.ts';
import type { ConsoleAccess } from './access.ts';

const SHOWN_MS = 6 * HOUR_MS;
const PERIOD_SECONDS = 5 * 60;
const PERIOD_MS = PERIOD_SECONDS * 1000;

/** Each look is billed, by the metric. */
const EVERY_SECONDS = 60;

interface Series {
  readonly label: string;
  readonly colour: ChartSeries['colour'];
  readonly metrics: readonly MetricDataQuery['MetricStat'][];
  /** Counts of five minutes are shown by the minute; a state is shown as it is. */
  readonly perMinute: boolean;
}

interface WantedChart {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
}

/**
 * The last hours of a deployment.
 *
 * @param queues the names of its queues
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 * @throws SDK errors
 */
export async function readCloudWatchHistory(
  client: CloudWatchClient,
  { deployment }: Pick<ConsoleAccess, 'deployment'>,
  queues: ReadonlyMap<QueueName, string>,
  now: Date,
  signal: AbortSignal,
): Promise<Charts> {
  const until = Math.floor(now.getTime() / PERIOD_MS) * PERIOD_MS + PERIOD_MS;
  const times = Array.from(
    { length: SHOWN_MS / PERIOD_MS },
    (_value, index) => until - SHOWN_MS + index * PERIOD_MS,
  );
  const charts = wantedCharts(deployment, queues);
  const series = charts.flatMap((chart) => chart.series);
  const queries = series.flatMap(({ metrics }, index) =>
    metrics.map((MetricStat, part): MetricDataQuery => ({ Id: `m${index}_${part}`, MetricStat })),
  );
  const response = await client.send(
    new GetMetricDataCommand({
      MetricDataQueries: queries,
      StartTime: new Date(until - SHOWN_MS),
      EndTime: new Date(until),
      ScanBy: 'TimestampAscending',
    }),
    { abortSignal: signal },
  );
  const found = new Map<string, number>();
  for (const { Id = '', Timestamps = [], Values = [] } of response.MetricDataResults ?? []) {
    const [index] = Id.split('_');
    Timestamps.forEach((at, place) => {
      const key = `${index} ${at.getTime()}`;
      found.set(key, (found.get(key) ?? 0) + (Values[place] ?? 0));
    });
  }
  const valuesOf = (wanted: Series) => {
    const index = series.indexOf(wanted);
    return times.map((at) => {
      const value = found.get(`m${index} ${at}`);
      // A count that was not published is none; a state that was not published is not known.
      if (value === undefined) return wanted.perMinute ? 0 : null;
      return wanted.perMinute ? value / (PERIOD_MS / MINUTE_MS) : value;
    });
  };
  return {
    from: 'from CloudWatch, in steps of five minutes',
    everySeconds: EVERY_SECONDS,
    charts: charts.map(({ id, title, unit, series: those }) => ({
      ...{ id, title, unit },
      times: times.map((at) => at / 1000),
      series: those.map((one) => ({ label: one.label, colour: one.colour, values: valuesOf(one) })),
    })),
  };
}

function wantedCharts(
  { project, stage }: ConsoleAccess['deployment'],
  queues: ReadonlyMap<QueueName, string>,
): WantedChart[] {
  const count = (
    Namespace: string,
    MetricName: MetricName,
    labels: Readonly<Record<string, string>> = {},
  ) => ({
    Metric: { Namespace, MetricName, Dimensions: dimensions({ stage, ...labels }) },
    Period: PERIOD_SECONDS,
    Stat: 'Sum',
  });
  const [lambdas, worker] = [metricNamespace(project), workerMetricNamespace(project)];
  const inQueue = (name: QueueName) => {
    const QueueName = queues.get(name);
    return QueueName === undefined
      ? []
      : ['ApproximateNumberOfMessagesVisible', 'ApproximateNumberOfMessagesNotVisible'].map((MetricName) => ({
          Metric: { Namespace: 'AWS/SQS', MetricName, Dimensions: dimensions({ QueueName }) },
          Period: PERIOD_SECONDS,
          Stat: 'Maximum',
        }));
  };
  const outbox = { ...count(worker, 'OutboxWaiting'), Stat: 'Maximum' };
  return [
    {
      id: 'rate',
      title: 'Mails a minute',
      unit: 'mails',
      series: [
        {
          label: 'accepted by mail-core',
          colour: 'good',
          metrics: [count(worker, 'SmtpTaken')],
          perMinute: true,
        },
        {
          label: 'handed over to SES',
          colour: 'warn',
          metrics: [count(lambdas, 'HandedOver')],
          perMinute: true,
        },
      ],
    },
    {
      id: 'waiting',
      title: 'What waits',
      unit: 'mails',
      series: [
        { label: 'rows', colour: 'info', metrics: [outbox], perMinute: false },
        {
          label: 'in SQS',
          colour: 'warn',
          metrics: [...inQueue('urgent'), ...inQueue('normal')],
          perMinute: false,
        },
        { label: 'held', colour: 'dim', metrics: inQueue('held'), perMinute: false },
      ],
    },
    {
      id: 'ends',
      title: 'Delivered and bounced, a minute',
      unit: 'recipients',
      series: [
        {
          label: 'delivered by SES',
          colour: 'good',
          metrics: [count(lambdas, 'Delivered')],
          perMinute: true,
        },
        {
          label: 'bounced',
          colour: 'bad',
          metrics: ['hard', 'soft'].map((cause) => count(lambdas, 'Bounced', { cause })),
          perMinute: true,
        },
      ],
    },
    {
      id: 'dead',
      title: 'Dead letters',
      unit: 'letters',
      series: [{ label: 'need a person', colour: 'bad', metrics: inQueue('deadLetters'), perMinute: false }],
    },
  ];
}

function dimensions(values: Readonly<Record<string, string>>) {
  return Object.entries(values).map(([Name, Value]) => ({ Name, Value }));
}
