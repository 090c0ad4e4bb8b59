import type { Observation } from './metric-store.ts';

/** Receives an observation, in the time and in the units of this machine. */
export type Observe = (observation: Observation) => void;

/** Collects the metrics that AWS, or another publisher, would publish for a run on this machine. */
export interface Collector {
  /** Samples what has a value at any time, such as the length of a queue. Events are observed at once. */
  sample(nowMs: number): Promise<void> | void;
}
