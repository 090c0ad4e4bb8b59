import * as v from 'valibot';
import { literalOf } from './literal-of.ts';
import { dimensionsOf, type ReadQuery, readQueries } from './metric-query.ts';
import { readStatistic } from './statistic.ts';

const COMPARISONS = [
  'GreaterThanThreshold',
  'GreaterThanOrEqualToThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
] as const;

const TREATMENTS = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;

export type Comparison = (typeof COMPARISONS)[number];
export type MissingTreatment = (typeof TREATMENTS)[number];

/** An alarm in the form that is deployed. */
export interface AlarmDefinition {
  readonly name: string;
  readonly description: string | undefined;
  /** The series that it evaluates, and their inputs. */
  readonly queries: readonly ReadQuery[];
  /** The id, among them, of the series that is compared. */
  readonly watchedId: string;
  readonly periodMs: number;
  /** N of "M out of N". */
  readonly evaluationPeriods: number;
  /** M of "M out of N". */
  readonly datapointsToAlarm: number;
  readonly comparison: Comparison;
  readonly threshold: number;
  readonly treatMissing: MissingTreatment;
}

const template = v.object({
  Resources: v.record(v.string(), v.object({ Type: v.string(), Properties: v.optional(v.unknown()) })),
});

const properties = v.object({
  AlarmName: v.optional(v.unknown()),
  AlarmDescription: v.optional(v.unknown()),
  ComparisonOperator: v.picklist(COMPARISONS),
  Threshold: v.number(),
  EvaluationPeriods: v.number(),
  DatapointsToAlarm: v.optional(v.number()),
  TreatMissingData: v.optional(v.picklist(TREATMENTS)),
  EvaluationWindow: v.optional(v.object({ SlidingWindow: v.unknown() })),
  Metrics: v.optional(v.array(v.looseObject({}))),
  Namespace: v.optional(v.string()),
  MetricName: v.optional(v.string()),
  Dimensions: v.optional(v.array(v.object({ Name: v.string(), Value: v.unknown() })), []),
  Statistic: v.optional(v.string()),
  ExtendedStatistic: v.optional(v.string()),
  Period: v.optional(v.number()),
});

type AlarmProperties = v.InferOutput<typeof properties>;

/**
 * The metric alarms of a synthesised template, in its order.
 *
 * @throws Error for an alarm of an unsupported kind, or with names that only AWS knows
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
 */
export function alarmsOf(synthesised: unknown): readonly AlarmDefinition[] {
  const { Resources } = v.parse(template, synthesised);
  const alarms = Object.entries(Resources).filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm');
  return alarms.map(([logicalId, { Properties }]) => {
    try {
      return definitionOf(logicalId, v.parse(properties, Properties));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`the alarm ${logicalId} cannot be read: ${reason}`, { cause: error });
    }
  });
}

function definitionOf(logicalId: string, alarm: AlarmProperties): AlarmDefinition {
  const queries = alarm.Metrics === undefined ? [singleMetric(alarm)] : readQueries(alarm.Metrics);
  const periodMs = periodOf(queries);
  return {
    name: nameOf(logicalId, alarm.AlarmName),
    description: literalOf(alarm.AlarmDescription),
    queries,
    watchedId: watchedIdOf(queries),
    periodMs,
    evaluationPeriods: alarm.EvaluationPeriods,
    datapointsToAlarm: alarm.DatapointsToAlarm ?? alarm.EvaluationPeriods,
    comparison: alarm.ComparisonOperator,
    threshold: alarm.Threshold,
    treatMissing: isOfDynamoDb(queries) ? 'ignore' : (alarm.TreatMissingData ?? 'missing'),
  };
}

function singleMetric(alarm: AlarmProperties): ReadQuery {
  const { Namespace: namespace, MetricName: name, Dimensions, Period } = alarm;
  const statistic = alarm.Statistic ?? alarm.ExtendedStatistic;
  if (namespace === undefined || name === undefined || Period === undefined || statistic === undefined) {
    throw new Error('it names no metric with a period and a statistic');
  }
  return {
    kind: 'metric',
    id: name,
    label: undefined,
    visible: true,
    periodMs: Period * 1000,
    metric: { namespace, name, dimensions: dimensionsOf(Dimensions) },
    statistic: readStatistic(statistic),
  };
}

/** Without a name, AWS generates one from the logical id. */
function nameOf(logicalId: string, name: unknown): string {
  const literal = name === undefined ? logicalId : literalOf(name);
  if (literal === undefined) throw new Error(`its name is one that only AWS knows: ${JSON.stringify(name)}`);
  return literal;
}

function watchedIdOf(queries: readonly ReadQuery[]): string {
  const [watched, ...others] = queries.filter(({ visible }) => visible);
  if (watched !== undefined && others.length === 0) return watched.id;
  throw new Error(`it looks at ${others.length + (watched === undefined ? 0 : 1)} series instead of one`);
}

/** All metrics must have the same period. */
function periodOf(queries: readonly ReadQuery[]): number {
  const periods = new Set(queries.flatMap(({ kind, periodMs }) => (kind === 'metric' ? [periodMs] : [])));
  const [periodMs] = periods;
  if (periodMs !== undefined && periods.size === 1) return periodMs;
  throw new Error('its metrics do not have one period');
}

/**
 * CloudWatch always ignores missing data of DynamoDB, for any setting.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
function isOfDynamoDb(queries: readonly ReadQuery[]): boolean {
  return queries.some((query) => query.kind === 'metric' && query.metric.namespace === 'AWS/DynamoDB');
}
