import * as v from 'valibot';
import { DAY_MS, HOUR_MS } from '../../../lib/common/time.ts';
import { done, type Operation, type OperationResult, operation, refused } from './account-operation.ts';
import type { AwsAccount } from './aws-account.ts';

const PAST_MS = 14 * DAY_MS;
const FUTURE_MS = 2 * HOUR_MS;
const LARGEST_VALUE = 2 ** 360;

const AMOUNTS = [
  ...['Bytes', 'Kilobytes', 'Megabytes', 'Gigabytes', 'Terabytes'],
  ...['Bits', 'Kilobits', 'Megabits', 'Gigabits', 'Terabits', 'Count'],
];
const UNITS = [
  ...['Seconds', 'Microseconds', 'Milliseconds', 'Percent', 'None'],
  ...AMOUNTS,
  ...AMOUNTS.map((amount) => `${amount}/Second`),
];

const value = v.pipe(v.number(), v.minValue(-LARGEST_VALUE), v.maxValue(LARGEST_VALUE));

export const dimension = v.object({
  Name: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  Value: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
});

const datum = v.pipe(
  v.object({
    MetricName: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
    Dimensions: v.optional(v.pipe(v.array(dimension), v.maxLength(30)), []),
    /** In seconds. */
    Timestamp: v.optional(v.number()),
    Value: v.optional(value),
    Values: v.optional(v.pipe(v.array(value), v.minLength(1), v.maxLength(150))),
    Counts: v.optional(v.pipe(v.array(v.pipe(v.number(), v.minValue(0))), v.maxLength(150))),
    StatisticValues: v.optional(v.never('The double does not know statistic sets.')),
    Unit: v.optional(v.picklist(UNITS), 'None'),
  }),
  v.check(
    ({ Value, Values }) => (Value === undefined) !== (Values === undefined),
    'exactly one of Value and Values must be specified',
  ),
  v.check(
    ({ Values, Counts }) => Counts === undefined || Counts.length === Values?.length,
    'Values and Counts must have the same length',
  ),
);

const input = v.object({
  Namespace: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(255),
    v.check((namespace) => !namespace.startsWith('AWS/'), 'a namespace must not begin with AWS/'),
  ),
  MetricData: v.optional(v.pipe(v.array(datum), v.maxLength(1000)), []),
});

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html */
export const PUT_METRIC_DATA: Operation = operation(input, 'InvalidParameterValueException', putMetricData);

/** A call is accepted as a whole, or rejected. */
function putMetricData(
  account: AwsAccount,
  { Namespace, MetricData }: v.InferOutput<typeof input>,
): OperationResult {
  const nowMs = account.now().getTime();
  const observations = MetricData.map((entry) => ({
    namespace: Namespace,
    name: entry.MetricName,
    dimensions: Object.fromEntries(entry.Dimensions.map(({ Name, Value }) => [Name, Value])),
    at: entry.Timestamp === undefined ? nowMs : entry.Timestamp * 1000,
    values: entry.Values ?? [entry.Value ?? 0],
    ...(entry.Counts === undefined ? {} : { counts: entry.Counts }),
    unit: entry.Unit,
  }));
  const odd = observations.findIndex(({ at }) => at < nowMs - PAST_MS || at > nowMs + FUTURE_MS);
  if (odd >= 0) {
    const message = `MetricData.${odd}.Timestamp: must be within the past two weeks and the next two hours`;
    return refused('InvalidParameterValueException', message);
  }
  for (const observation of observations) account.metrics.add(observation);
  return done({});
}
