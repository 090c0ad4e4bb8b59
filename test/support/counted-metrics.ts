import type { MetricName } from '../../lib/domain/metrics.ts';
import type { Metrics } from '../../lib/ports/runtime.ts';

/** Metrics that record what was added. */
export class CountedMetrics implements Metrics {
  readonly #added: { readonly key: string; readonly value: number }[] = [];

  add(name: MetricName, value: number, label?: string): void {
    this.#added.push({ key: label === undefined ? name : `${name} ${label}`, value });
  }

  /** The values added to a metric; with a second dimension by name and label: `Bounced hard`. */
  values(key: string): number[] {
    return this.#added.filter((one) => one.key === key).map(({ value }) => value);
  }

  /** The sums of what was added, by name and label. */
  get sums(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { key, value } of this.#added) sums[key] = (sums[key] ?? 0) + value;
    return sums;
  }
}
