import type { MetricLabel, MetricName } from '../message/metrics.ts';

/** Is told what happens, to count it. It never throws and never keeps anybody waiting. */
export interface Metrics {
  /**
   * @param value in the unit of the metric
   * @param label of a metric with a second dimension; a text that is not in its set counts as `other`
   */
  add<Name extends MetricName>(
    name: Name,
    value: number,
    ...label: [MetricLabel<Name>] extends [never] ? [] : [label: MetricLabel<Name> | (string & {})]
  ): void;
}

export const noMetrics: Metrics = { add: () => {} };
