import type { Observation } from '../support/cloudwatch/metric-store.ts';

export interface TimeScale {
  /** When the run began on this machine, in ms since the epoch. */
  readonly startedMs: number;
  /** The scenario time that corresponds to it, in ms since the epoch. */
  readonly fromMs: number;
  /** Seconds of the scenario per second of this machine. */
  readonly speed: number;
}

const TIME_UNITS = new Set(['Seconds', 'Milliseconds']);

/** Scenario time: a run of minutes represents hours, and nothing else changes. */
export class ScaledTime {
  readonly #stretch: TimeScale;

  constructor(stretch: TimeScale) {
    this.#stretch = stretch;
  }

  /** The scenario time, in ms since the epoch. */
  momentOf(realMs: number): number {
    const { startedMs, fromMs, speed } = this.#stretch;
    return fromMs + (realMs - startedMs) * speed;
  }

  /**
   * Converts an observation on this machine to scenario time. Timestamps and durations are scaled alike, so
   * that a queue's age fits the time at which its oldest message was sent.
   */
  stretched(seen: Observation): Observation {
    const { speed } = this.#stretch;
    const values = TIME_UNITS.has(seen.unit) ? seen.values.map((value) => value * speed) : seen.values;
    return { ...seen, at: this.momentOf(seen.at), values };
  }
}
