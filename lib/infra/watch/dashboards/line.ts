import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricSpec } from '../pipeline-metrics.ts';

/** One line of a graph, or one big number: a metric as it is, or what is computed of some. */
export type Line = PlainLine | ComputedLine;

interface Look {
  readonly label: string;

  /** @default - as CloudWatch chooses */
  readonly color?: string;
}

interface PlainLine extends Look {
  readonly of: MetricSpec;
  readonly expression?: never;
}

interface ComputedLine extends Look {
  /** Each metric by the id that the expression knows it by; a single one is `m`. */
  readonly of: MetricSpec | Readonly<Record<string, MetricSpec>>;

  /** Metric math over the ids. */
  readonly expression: string;
}

/** The lines of one widget for the CDK, in periods of so many minutes. */
export function metricsOf(lines: readonly Line[], periodMinutes: number): IMetric[] {
  return lines.map((line, index) => metricOf(line, index, Duration.minutes(periodMinutes)));
}

function metricOf(line: Line, index: number, period: Duration): IMetric {
  const { label, color } = line;
  const look = { label, period, ...(color === undefined ? {} : { color }) };
  if (line.expression === undefined) return new Metric({ ...propsOf(line.of), ...look });
  const { of, expression } = line;
  const specs = isSpec(of) ? { m: of } : of;
  // All lines of a widget share one space of ids.
  const unique = (id: string) => `${id}_${index}`;
  const metrics = Object.entries(specs).map(([id, spec]) => [
    unique(id),
    new Metric({ ...propsOf(spec), period }),
  ]);
  return new MathExpression({
    expression: expression.replaceAll(/[a-z]\w*/g, (word) => (word in specs ? unique(word) : word)),
    usingMetrics: Object.fromEntries(metrics),
    ...look,
  });
}

function propsOf({ namespace, name, dimensions, statistic }: MetricSpec) {
  return { namespace, metricName: name, dimensionsMap: { ...dimensions }, statistic };
}

function isSpec(of: ComputedLine['of']): of is MetricSpec {
  return 'statistic' in of && typeof of.statistic === 'string';
}
