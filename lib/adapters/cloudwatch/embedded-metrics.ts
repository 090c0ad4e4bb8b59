import {
  METRICS,
  type MetricDefinition,
  type MetricName,
  type MetricUnit,
  OTHER_VALUE,
} from '../../domain/metrics.ts';
import type { Clock, Metrics } from '../../ports/runtime.ts';

export interface EmbeddedMetricsOptions {
  readonly namespace: string;
  readonly stage: string;
  /** Writes a line including its newline, as to Lambda's standard output. */
  readonly write: (line: string) => void;
  readonly clock: Clock;
}

/**
 * Collects the metrics of an invocation and writes them as log lines that CloudWatch turns into metrics,
 * without an API call:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 *
 * Counts are summed; other metrics keep their values for percentiles. A label outside its metric's set
 * becomes `other`, even if the set lacks `other`: nothing is lost, and there is at most one extra metric.
 * Skips non-finite numbers, which JSON cannot represent.
 */
export class EmbeddedMetrics implements Metrics {
  readonly #options: EmbeddedMetricsOptions;
  #gathered = new Map<string, Gathered>();

  constructor(options: EmbeddedMetricsOptions) {
    this.#options = options;
  }

  add(name: MetricName, value: number, label?: string): void {
    if (!Number.isFinite(value)) return;
    const second = secondDimension(METRICS[name], label);
    const key = second === undefined ? WITHOUT_SECOND : JSON.stringify([second.name, second.value]);
    const gathered = this.#gathered.get(key) ?? { second, values: new Map() };
    this.#gathered.set(key, gathered);
    const before = gathered.values.get(name) ?? [];
    gathered.values.set(name, isCount(name) ? [(before[0] ?? 0) + value] : [...before, value]);
  }

  /**
   * Writes what was added since the last flush, if anything. Never throws: an error at the end of an
   * invocation would redeliver mails that were sent. What cannot be written is lost; no log could report it.
   */
  flush(): void {
    const gathered = this.#gathered;
    this.#gathered = new Map();
    try {
      for (const line of linesOf(gathered)) this.#write(line);
    } catch {}
  }

  #write(line: Gathered): void {
    const { namespace, stage, write, clock } = this.#options;
    const { second, values } = line;
    const document = {
      _aws: {
        Timestamp: clock.now().getTime(),
        CloudWatchMetrics: directivesOf(namespace, [...values.keys()]),
      },
      stage,
      ...(second === undefined ? {} : { [second.name]: second.value }),
      ...Object.fromEntries([...values].map(([name, all]) => [name, isCount(name) ? all[0] : all])),
    };
    write(`${JSON.stringify(document)}\n`);
  }
}

interface SecondDimension {
  readonly name: string;
  readonly value: string;
}

/** The content of one line, which can have only one value per dimension. */
interface Gathered {
  readonly second: SecondDimension | undefined;
  readonly values: Map<MetricName, readonly number[]>;
}

const WITHOUT_SECOND = '';

/** CloudWatch reads at most this many values of a metric per line. */
const MAX_VALUES = 100;

function secondDimension({ by }: MetricDefinition, label: string | undefined): SecondDimension | undefined {
  if (by === undefined) return undefined;
  const isKnown = label !== undefined && by.values.includes(label);
  return { name: by.dimension, value: isKnown ? label : OTHER_VALUE };
}

function isCount(name: MetricName): boolean {
  return METRICS[name].unit === 'Count';
}

/** One line per second-dimension value; metrics without one go on the first line. */
function linesOf(gathered: ReadonlyMap<string, Gathered>): Gathered[] {
  const alone = gathered.get(WITHOUT_SECOND);
  const [first, ...others] = [...gathered.values()].filter(({ second }) => second !== undefined);
  const all = new Map([...(first?.values ?? []), ...(alone?.values ?? [])]);
  if (all.size === 0) return [];
  return [{ second: first?.second, values: all }, ...others].flatMap(withFewValues);
}

/** Splits into as many lines as the limit of values per metric requires. */
function withFewValues({ second, values }: Gathered): Gathered[] {
  const lines = Math.ceil(Math.max(...[...values.values()].map(({ length }) => length)) / MAX_VALUES);
  return Array.from({ length: lines }, (_, line) => ({
    second,
    values: new Map(
      [...values]
        .map(([name, all]) => [name, all.slice(line * MAX_VALUES, (line + 1) * MAX_VALUES)] as const)
        .filter(([, some]) => some.length > 0),
    ),
  }));
}

interface Directive {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  /** At most 100; METRICS has fewer. */
  readonly Metrics: { readonly Name: MetricName; readonly Unit: MetricUnit }[];
}

/** Metrics with the same sets of dimensions share a directive. */
function directivesOf(namespace: string, names: readonly MetricName[]): Directive[] {
  const directives = new Map<string, Directive>();
  for (const name of names) {
    const dimensions = dimensionSets(METRICS[name]);
    const key = JSON.stringify(dimensions);
    const directive = directives.get(key) ?? { Namespace: namespace, Dimensions: dimensions, Metrics: [] };
    directive.Metrics.push({ Name: name, Unit: METRICS[name].unit });
    directives.set(key, directive);
  }
  return [...directives.values()];
}

function dimensionSets({ by }: MetricDefinition): string[][] {
  if (by === undefined) return [['stage']];
  const both = ['stage', by.dimension];
  return by.total ? [['stage'], both] : [both];
}
