import * as v from 'valibot';
import { literalOf } from './literal-of.ts';
import type { MetricId } from './metric-store.ts';
import { readStatistic, type Statistic } from './statistic.ts';

/**
 * An entry of `metrics` of a dashboard's widget (an array), or of `Metrics` of an AWS::CloudWatch::Alarm (an
 * object), as in a template.
 */
export type MetricQuery = readonly unknown[] | object;

/** A parsed entry. */
export type ReadQuery = ReadMetric | ReadExpression;

interface ReadEntry {
  readonly id: string;
  readonly label: string | undefined;
  readonly visible: boolean;
  readonly periodMs: number | undefined;
}

export interface ReadMetric extends ReadEntry {
  readonly kind: 'metric';
  readonly metric: MetricId;
  /** Undefined if it is that of the widget. */
  readonly statistic: Statistic | undefined;
}

export interface ReadExpression extends ReadEntry {
  readonly kind: 'expression';
  readonly expression: string;
}

const widgetOptions = v.object({
  id: v.optional(v.string()),
  label: v.optional(v.string()),
  visible: v.optional(v.boolean(), true),
  period: v.optional(v.number()),
  stat: v.optional(v.string()),
  expression: v.optional(v.string()),
});

const alarmQuery = v.object({
  Id: v.string(),
  Label: v.optional(v.string()),
  ReturnData: v.optional(v.boolean(), true),
  Period: v.optional(v.number()),
  Expression: v.optional(v.string()),
  MetricStat: v.optional(
    v.object({
      Metric: v.object({
        Namespace: v.string(),
        MetricName: v.string(),
        Dimensions: v.optional(v.array(v.object({ Name: v.string(), Value: v.unknown() })), []),
      }),
      Period: v.number(),
      Stat: v.string(),
    }),
  ),
});

/**
 * Parses entries of either kind, including the shorthands of dashboards.
 *
 * @throws Error for an entry with neither a metric nor an expression, and for values that only AWS knows
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function readQueries(queries: readonly MetricQuery[]): readonly ReadQuery[] {
  let previous: readonly string[] = [];
  return queries.map((query, index) => {
    if (!Array.isArray(query)) return readAlarmQuery(query);
    const { words, options } = splitEntry(query);
    if (options.expression === undefined) previous = expanded(words, previous);
    return readWidgetEntry(previous, options, index);
  });
}

/** A dimension whose value is a token is rejected by name. */
export function dimensionsOf(
  dimensions: readonly { readonly Name: string; readonly Value?: unknown }[],
): Record<string, string> {
  return Object.fromEntries(
    dimensions.map(({ Name, Value }) => {
      const value = literalOf(Value);
      if (value !== undefined) return [Name, value];
      throw new Error(`the dimension ${Name} has a value that only AWS knows: ${JSON.stringify(Value)}`);
    }),
  );
}

function readAlarmQuery(query: object): ReadQuery {
  const {
    Id: id,
    Label: label,
    ReturnData: visible,
    Expression,
    MetricStat,
    Period,
  } = v.parse(alarmQuery, query);
  if (Expression !== undefined) {
    return { kind: 'expression', id, label, visible, periodMs: inMs(Period), expression: Expression };
  }
  if (MetricStat === undefined) throw new Error(`the entry ${id} has neither a metric nor an expression`);
  const { Namespace: namespace, MetricName: name, Dimensions } = MetricStat.Metric;
  const metric = { namespace, name, dimensions: dimensionsOf(Dimensions) };
  const statistic = readStatistic(MetricStat.Stat);
  return { kind: 'metric', id, label, visible, periodMs: inMs(MetricStat.Period), metric, statistic };
}

type WidgetOptions = v.InferOutput<typeof widgetOptions>;

function splitEntry(entry: readonly unknown[]): { words: readonly string[]; options: WidgetOptions } {
  const words = entry.filter((part) => typeof part === 'string');
  const [options = {}, ...more] = entry.filter((part) => typeof part !== 'string');
  if (more.length > 0) throw new Error(`the entry ${JSON.stringify(entry)} is not one of a dashboard`);
  return { words, options: v.parse(widgetOptions, options) };
}

/** `.` repeats the same place of the previous metric, and `...` all omitted places. */
function expanded(words: readonly string[], previous: readonly string[]): readonly string[] {
  const dots = words.indexOf('...');
  const whole =
    dots < 0
      ? words
      : words.toSpliced(dots, 1, ...previous.slice(dots, previous.length - (words.length - dots - 1)));
  return whole.map((word, index) => (word === '.' ? (previous[index] ?? word) : word));
}

function readWidgetEntry(words: readonly string[], options: WidgetOptions, index: number): ReadQuery {
  const { id = `#${index}`, label, visible, period, stat, expression } = options;
  const entry = { id, label, visible, periodMs: inMs(period) };
  if (expression !== undefined) return { kind: 'expression', ...entry, expression };
  const [namespace, name, ...pairs] = words;
  if (namespace === undefined || name === undefined || pairs.length % 2 !== 0) {
    throw new Error(`the entry ${JSON.stringify(words)} does not say a metric`);
  }
  const dimensions = Object.fromEntries(
    pairs.flatMap((key, at) => (at % 2 === 0 ? [[key, pairs[at + 1] ?? '']] : [])),
  );
  const statistic = stat === undefined ? undefined : readStatistic(stat);
  return { kind: 'metric', ...entry, metric: { namespace, name, dimensions }, statistic };
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
