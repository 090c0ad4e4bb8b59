import type { MetricLabel, MetricName } from '../domain/metrics.ts';

/** The time, so that logic can be tested at any moment. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/**
 * One structured line for each thing that happened. Fields carry ids, classes and numbers; whole addresses,
 * bodies and credentials never.
 */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };

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
