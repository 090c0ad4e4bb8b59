import { type CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { HOUR_MS } from '../../../../common/time.ts';
import { METRICS, type MetricName, metricNamespace } from '../../../../domain/metrics.ts';
import { timeText } from '../../../lookups/alarms.ts';
import { type Check, type CheckResult, type DoctorContext, ok, resourceCheck, warn } from '../check.ts';

const LOOK_BACK_MS = 6 * HOUR_MS;

/** Mail is not sent every minute: a shorter gap does not end an outage. The alarm closes after as long. */
const SILENCE_MS = 30 * 60 * 1000;

/** Whether mail goes through the fallback: how much, since when, and why. */
export const FALLBACK_CHECK: Check = resourceCheck({
  group: 'fallback',
  name: 'in-use',
  // It emits the metrics.
  resource: 'resendFunction',
  run: async (_functionName, context, signal) => {
    const [handedOver, smtpDown] = await Promise.all([
      periodsOf('HandedOver', {}, context, LOOK_BACK_MS, signal),
      periodsOf('SmtpDown', {}, context, LOOK_BACK_MS, signal),
    ]);
    const now = context.now.getTime();
    const lastHour = handedOver.filter(({ at }) => at.getTime() >= periodOf(now - HOUR_MS));
    if (lastHour.length === 0) return ok(earlierText(handedOver, context.now));
    const classes = await classesOf(context, signal);
    const isDown = smtpDown.some(({ at }) => at.getTime() >= periodOf(now - HOUR_MS));
    const count = `${sumOf(lastHour)} in the last hour`;
    return isDown
      ? inUse(`${count}, ${outageText(smtpDown, context.now)}: ${classes}`, context)
      : ok(`${count}, as on any day: ${classes}`);
  },
});

function inUse(detail: string, { commands }: DoctorContext): CheckResult {
  const look = commands.mailctl('doctor --only smtp');
  return warn(detail, `${look}, fix mail-core; then docs/runbook.md#fallback-in-use`);
}

/** `since 02:10 UTC`; `from 02:10 to 02:35 UTC` if it seems to be over. */
function outageText(periods: readonly MetricPeriod[], now: Date): string {
  const outage = lastOutage(periods);
  const [first] = outage;
  const last = outage.at(-1);
  if (first === undefined || last === undefined) return 'since an unknown time';
  const began = timeText(first.at, now);
  const end = new Date(last.at.getTime() + PERIOD_MS);
  if (now.getTime() - end.getTime() >= SILENCE_MS) return `from ${began} to ${timeText(end, now)} UTC`;
  const isOlder = now.getTime() - first.at.getTime() > LOOK_BACK_MS - SILENCE_MS;
  return isOlder ? 'for six hours or more' : `since ${began} UTC`;
}

/** The newest periods, back to the first gap of SILENCE_MS. */
function lastOutage(periods: readonly MetricPeriod[]): readonly MetricPeriod[] {
  const begin = periods.findLastIndex(({ at }, index) => {
    const before = periods[index - 1];
    return before === undefined || at.getTime() - before.at.getTime() - PERIOD_MS >= SILENCE_MS;
  });
  return periods.slice(begin);
}

/** Failure classes of the last hour, most frequent first: `35 unreachable, 2 tls`. */
async function classesOf(context: DoctorContext, signal: AbortSignal): Promise<string> {
  const { dimension, values } = METRICS.HandedOver.by;
  const counts = await Promise.all(
    values.map(async (value) => ({
      value,
      sum: sumOf(await periodsOf('HandedOver', { [dimension]: value }, context, HOUR_MS, signal)),
    })),
  );
  const some = counts.filter(({ sum }) => sum > 0).toSorted((one, other) => other.sum - one.sum);
  return some.map(({ value, sum }) => `${sum} ${value}`).join(', ') || 'of no known class';
}

function periodsOf(
  name: MetricName,
  label: Readonly<Record<string, string>>,
  { aws, deployment: { project, stage }, now }: DoctorContext,
  lookBackMs: number,
  signal: AbortSignal,
): Promise<MetricPeriod[]> {
  const namespace = metricNamespace(project);
  const from = new Date(now.getTime() - lookBackMs);
  const query = { namespace, name, dimensions: { stage, ...label }, from, to: now };
  return aws.cloudWatch().then((client) => metricPeriods(client, query, signal));
}

function earlierText(periods: readonly MetricPeriod[], now: Date): string {
  const last = periods.at(-1);
  if (last === undefined) return 'none in the last 6 hours';
  return `none in the last hour; ${sumOf(periods)} in the hours before, the last at ${timeText(last.at, now)} UTC`;
}

const sumOf = (periods: readonly MetricPeriod[]) => periods.reduce((sum, period) => sum + period.sum, 0);

/** The start of the period that contains a time. */
const periodOf = (time: number) => Math.floor(time / PERIOD_MS) * PERIOD_MS;

const PERIOD_SECONDS = 5 * 60;
const PERIOD_MS = PERIOD_SECONDS * 1000;

interface MetricQuery {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** Rounded down to the start of its period. */
  readonly from: Date;
  readonly to: Date;
}

/** The sum of a metric over five minutes. */
interface MetricPeriod {
  /** Start of the period. */
  readonly at: Date;
  readonly sum: number;
}

/**
 * Sums of a metric by periods of five minutes, oldest first, without empty periods; a metric that was never
 * published has none.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
 * @throws SDK errors
 */
async function metricPeriods(
  client: CloudWatchClient,
  { namespace, name, dimensions, from, to }: MetricQuery,
  signal: AbortSignal,
): Promise<MetricPeriod[]> {
  const command = new GetMetricStatisticsCommand({
    Namespace: namespace,
    MetricName: name,
    Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
    StartTime: new Date(Math.floor(from.getTime() / PERIOD_MS) * PERIOD_MS),
    EndTime: to,
    Period: PERIOD_SECONDS,
    Statistics: ['Sum'],
  });
  const { Datapoints = [] } = await client.send(command, { abortSignal: signal });
  return Datapoints.flatMap(({ Timestamp, Sum = 0 }) =>
    Timestamp === undefined || Sum === 0 ? [] : [{ at: Timestamp, sum: Sum }],
  ).toSorted((one, other) => one.at.getTime() - other.at.getTime());
}
