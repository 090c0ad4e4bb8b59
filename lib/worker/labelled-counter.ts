import { Counter, type Registry } from 'prom-client';

/** What is not in a closed set of label values is counted as this: a label never carries free text. */
const OTHER = 'other';

/**
 * A counter with one label of a closed set. All series are there from the start, as Prometheus would miss the
 * first event of one that appears with it.
 */
export function labelled(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  known: readonly string[],
): (value: string | undefined) => void {
  const labelledCounter = new Counter({ name, help, labelNames: [label], registers: [registry] });
  const values = new Set([...known, OTHER]);
  for (const value of values) labelledCounter.inc({ [label]: value }, 0);
  return (value = OTHER) => labelledCounter.inc({ [label]: values.has(value) ? value : OTHER });
}
