import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { RefusalReason } from '../domain/outcome.ts';
import type { SeriesDefinition, SeriesOf } from '../domain/worker-series.ts';

type Definitions = Readonly<Record<string, SeriesDefinition>>;

/** Label value for anything outside the closed set: a label never carries free text. */
const OTHER = 'other';

/** From a nearby SMTP server to one that takes the whole send timeout. */
export const HANDLE_BUCKETS_SECONDS: readonly number[] = [
  ...[0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
];

export const REFUSAL_REASONS = Object.keys({
  'too-large': true,
  'no-recipient': true,
  expired: true,
  invalid: true,
} satisfies Record<RefusalReason, true>);

/** Makes the series of a process by the names of their definitions. */
export function seriesIn<Series extends Definitions>(registry: Registry, definitions: Series) {
  const described = (name: keyof Series & string) => {
    const { help, labels = [] } = definitions[name] as SeriesDefinition;
    return { name, help, labelNames: [...labels], registers: [registry] };
  };
  const counter = (name: SeriesOf<'counter', Series>): Counter<string> => new Counter(described(name));
  return {
    counter,
    gauge: (name: SeriesOf<'gauge', Series>): Gauge<string> => new Gauge(described(name)),
    histogram: (name: SeriesOf<'histogram', Series>, buckets: readonly number[]): Histogram<string> =>
      new Histogram({ ...described(name), buckets: [...buckets] }),
    /**
     * Counts by the single label of a counter, whose values are a closed set. All series exist from the start:
     * Prometheus misses the first event of a series that is created by it.
     */
    labelled: (
      name: SeriesOf<'counter', Series>,
      known: readonly string[],
    ): ((value: string | undefined) => void) => {
      const [label, ...others] = described(name).labelNames;
      if (label === undefined || others.length > 0) throw new TypeError(`${name} has not one label`);
      const labelledCounter = counter(name);
      const values = new Set([...known, OTHER]);
      for (const value of values) labelledCounter.inc({ [label]: value }, 0);
      return (value = OTHER) => labelledCounter.inc({ [label]: values.has(value) ? value : OTHER });
    },
  };
}
