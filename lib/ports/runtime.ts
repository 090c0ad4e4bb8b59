import type { MetricLabel, MetricName } from '../domain/metrics.ts';

/** The time, injected so that logic can be tested at any moment. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/**
 * One structured line per event. Fields carry ids, classes and numbers, never whole addresses, bodies or
 * credentials.
 */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** Counts events. It never throws and never blocks the caller. */
export interface Metrics {
  /**
   * @param value in the unit of the metric
   * @param label value of the second dimension, if there is one; a text outside its set counts as `other`
   */
  add<Name extends MetricName>(
    name: Name,
    value: number,
    ...label: [MetricLabel<Name>] extends [never] ? [] : [label: MetricLabel<Name> | (string & {})]
  ): void;
}

export const noMetrics: Metrics = { add: () => {} };
