import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import {
  type SeriesDefinition,
  type SeriesName,
  type SeriesOf,
  WORKER_SERIES,
} from '../message/worker-series.ts';

export function counter(registry: Registry, name: SeriesOf<'counter'>): Counter<string> {
  return new Counter({ ...described(name), registers: [registry] });
}

export function gauge(registry: Registry, name: SeriesOf<'gauge'>): Gauge<string> {
  return new Gauge({ ...described(name), registers: [registry] });
}

export function histogram(
  registry: Registry,
  name: SeriesOf<'histogram'>,
  buckets: readonly number[],
): Histogram<string> {
  return new Histogram({ ...described(name), buckets: [...buckets], registers: [registry] });
}

/** What is not in a closed set of label values is counted as this: a label never carries free text. */
const OTHER = 'other';

/**
 * Counts by the one label of a counter, whose values are a closed set. All series are there from the start, as
 * Prometheus would miss the first event of one that appears with it.
 */
export function labelled(
  registry: Registry,
  name: SeriesOf<'counter'>,
  known: readonly string[],
): (value: string | undefined) => void {
  const [label, ...others] = described(name).labelNames;
  if (label === undefined || others.length > 0) throw new TypeError(`${name} has not one label`);
  const labelledCounter = counter(registry, name);
  const values = new Set([...known, OTHER]);
  for (const value of values) labelledCounter.inc({ [label]: value }, 0);
  return (value = OTHER) => labelledCounter.inc({ [label]: values.has(value) ? value : OTHER });
}

function described(name: SeriesName): { name: string; help: string; labelNames: string[] } {
  const { help, labels = [] }: SeriesDefinition = WORKER_SERIES[name];
  return { name, help, labelNames: [...labels] };
}
