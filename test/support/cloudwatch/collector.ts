import type { Observation } from './metric-store.ts';

/** Takes what was seen, in the time and in the units of this machine. */
export type Observe = (observation: Observation) => void;

/** Sees what AWS, or whoever publishes a metric, would tell CloudWatch about a run on this machine. */
export interface Collector {
  /** Looks at what has a value at any time, such as the length of a queue. What happens by events is told at once. */
  sample(nowMs: number): Promise<void> | void;
}
