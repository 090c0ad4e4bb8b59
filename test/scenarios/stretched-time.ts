import type { Observation } from '../support/cloudwatch/metric-store.ts';

export interface TimeScale {
  /** When the run began on this machine, in ms since the epoch. */
  readonly startedMs: number;
  /** The moment of the scenario that it stands for, in ms since the epoch. */
  readonly fromMs: number;
  /** So many seconds of the scenario are one of this machine. */
  readonly speed: number;
}

const TIME_UNITS = new Set(['Seconds', 'Milliseconds']);

/** The time of a scenario: a run of minutes stands for hours, and nothing else about it changes. */
export class ScaledTime {
  readonly #stretch: TimeScale;

  constructor(stretch: TimeScale) {
    this.#stretch = stretch;
  }

  /** The moment of the scenario, in ms since the epoch. */
  momentOf(realMs: number): number {
    const { startedMs, fromMs, speed } = this.#stretch;
    return fromMs + (realMs - startedMs) * speed;
  }

  /**
   * What was seen on this machine, as it would have been seen in the scenario: moments and durations are stretched
   * alike, so that a queue's age fits the time at which its oldest message was sent.
   */
  stretched(seen: Observation): Observation {
    const { speed } = this.#stretch;
    const values = TIME_UNITS.has(seen.unit) ? seen.values.map((value) => value * speed) : seen.values;
    return { ...seen, at: this.momentOf(seen.at), values };
  }
}
