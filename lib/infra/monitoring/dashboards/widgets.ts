import { Duration } from 'aws-cdk-lib';
import {
  GraphWidget,
  type HorizontalAnnotation,
  type IMetric,
  type IWidget,
  LegendPosition,
  MathExpression,
  Metric,
  Shading,
  SingleValueWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricSpec } from '../metrics.ts';

/**
 * One colour, one meaning, on all dashboards. They differ in lightness too, for readers who cannot distinguish red from
 * green. Red always means harm.
 */
export const COLOURS = {
  harm: '#d62728',
  slightHarm: '#e2665f',
  warning: '#ff7f0e',
  smtp: '#17649b',
  fallback: '#e8a33d',
  ses: '#2aa198',
  good: '#2ca02c',
  neutral: '#7f7f7f',
  pale: '#c7c7c7',
} as const;

/** One shade for each percentile: the longest wait is the darkest. */
export const PERCENTILE_COLOURS = { p50: '#9ecae1', p99: '#084594' } as const;

/** One line of a graph, or one big number: a metric, or an expression over several. */
export type Line = PlainLine | ComputedLine;

interface Appearance {
  readonly label: string;

  /** @default - as CloudWatch chooses */
  readonly color?: string;
}

interface PlainLine extends Appearance {
  readonly of: MetricSpec;
  readonly expression?: never;
}

interface ComputedLine extends Appearance {
  /** Each metric by its id in the expression; a single one is `m`. */
  readonly of: MetricSpec | Readonly<Record<string, MetricSpec>>;

  /** Metric math over the ids. */
  readonly expression: string;
}

/** The lines of one widget for the CDK, in periods of so many minutes. */
function metricsOf(lines: readonly Line[], periodMinutes: number, ids = new WidgetIds()): IMetric[] {
  return lines.map((line) => metricOf(line, ids, Duration.minutes(periodMinutes)));
}

/** All lines of a widget share one namespace of ids. CloudWatch charges a metric once for each id. */
class WidgetIds {
  readonly #ids = new Map<string, string>();
  #lines = 0;

  /** The ids of a line's metrics, by those in its expression. */
  ofLine(specs: Readonly<Record<string, MetricSpec>>): ReadonlyMap<string, string> {
    const line = this.#lines;
    this.#lines += 1;
    return new Map(
      Object.entries(specs).map(([id, spec]) => {
        const key = JSON.stringify(spec);
        const known = this.#ids.get(key) ?? `${id}_${line}`;
        this.#ids.set(key, known);
        return [id, known];
      }),
    );
  }
}

function metricOf(line: Line, ids: WidgetIds, period: Duration): IMetric {
  const { label, color } = line;
  const appearance = { label, period, ...(color === undefined ? {} : { color }) };
  if (line.expression === undefined) return new Metric({ ...propsOf(line.of), ...appearance });
  const { of, expression } = line;
  const specs = isSpec(of) ? { m: of } : of;
  const unique = ids.ofLine(specs);
  const metrics = Object.entries(specs).map(([id, spec]) => [
    unique.get(id) ?? id,
    new Metric({ ...propsOf(spec), period }),
  ]);
  return new MathExpression({
    expression: expression.replaceAll(/[a-z]\w*/g, (word) => unique.get(word) ?? word),
    usingMetrics: Object.fromEntries(metrics),
    ...appearance,
  });
}

function propsOf({ namespace, name, dimensions, statistic }: MetricSpec) {
  return { namespace, metricName: name, dimensionsMap: { ...dimensions }, statistic };
}

function isSpec(of: ComputedLine['of']): of is MetricSpec {
  return 'statistic' in of && typeof of.statistic === 'string';
}

/** The width of a dashboard. */
export const FULL_WIDTH = 24;

interface Placed {
  readonly title: string;

  /** Of 24 columns. */
  readonly width: number;

  /** @default 6 */
  readonly height?: number;
}

export interface GraphProps extends Placed {
  readonly lines: readonly Line[];

  /** What the axis counts, with its unit. */
  readonly axis: string;

  /** Lines on an axis of their own, from zero upwards too. @default none */
  readonly right?: { readonly lines: readonly Line[]; readonly axis: string };

  /** @default false */
  readonly stacked?: boolean;

  /** Horizontal lines, such as the threshold of an alarm. */
  readonly marks?: readonly Mark[];

  /** @default 5 */
  readonly periodMinutes?: number;
}

export interface Mark {
  readonly label: string;
  readonly value: number;
  readonly kind: 'alarm' | 'review' | 'pause';
}

export interface NumbersProps extends Placed {
  readonly lines: readonly Line[];

  /** The whole time range, or only the latest period. */
  readonly over: 'time-shown' | 'latest';

  /** @default 5 */
  readonly periodMinutes?: number;
}

const MARK_COLOURS = { alarm: COLOURS.warning, review: COLOURS.slightHarm, pause: COLOURS.harm };

/** Builds the widgets of dashboards for one Region. */
export class Widgets {
  readonly #region: string;

  constructor(region: string) {
    this.#region = region;
  }

  /** Lines over time, from zero upwards. */
  graph({ lines, axis, right, marks = [], periodMinutes = 5, height = 6, ...props }: GraphProps): IWidget {
    const ids = new WidgetIds();
    return new GraphWidget({
      ...props,
      height,
      region: this.#region,
      left: metricsOf(lines, periodMinutes, ids),
      leftYAxis: { label: axis, min: 0, showUnits: false },
      ...(right === undefined
        ? {}
        : {
            right: metricsOf(right.lines, periodMinutes, ids),
            rightYAxis: { label: right.axis, min: 0, showUnits: false },
          }),
      leftAnnotations: marks.map(annotationOf),
      legendPosition: LegendPosition.BOTTOM,
      stacked: props.stacked ?? false,
    });
  }

  /** Big numbers. Over the time range, each uses its own statistic. */
  numbers({ lines, over, periodMinutes = 5, height = 3, ...placed }: NumbersProps): IWidget {
    return new SingleValueWidget({
      ...placed,
      height,
      region: this.#region,
      metrics: metricsOf(lines, periodMinutes),
      setPeriodToTimeRange: over === 'time-shown',
    });
  }

  text(markdown: string, height: number): IWidget {
    return new TextWidget({ markdown, width: FULL_WIDTH, height });
  }
}

function annotationOf({ label, value, kind }: Mark): HorizontalAnnotation {
  return { label, value, color: MARK_COLOURS[kind], fill: Shading.NONE };
}
