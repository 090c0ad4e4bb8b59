import { setTimeout as delay } from 'node:timers/promises';
import { HOUR_MS } from '../../lib/common/time.ts';
import type { Scenario } from './scenario.ts';

/** Converts a time of the scenario to the time on this machine. */
export class ScenarioClock {
  readonly startedMs = Date.now();
  readonly #scenario: Scenario;
  readonly #signal: AbortSignal;

  /** Starts at once. @param signal ends each wait */
  constructor(scenario: Scenario, signal: AbortSignal) {
    this.#scenario = scenario;
    this.#signal = signal;
  }

  /** The time on this machine, in ms since the epoch. @param hours from the beginning of the scenario */
  realMsAt(hours: number): number {
    return this.startedMs + (hours * HOUR_MS) / this.#scenario.speed;
  }

  /** From 0 up to, but not including, 24. */
  hourOfDay(hours: number): number {
    const begins = new Date(this.#scenario.from);
    return (begins.getUTCHours() + begins.getUTCMinutes() / 60 + hours) % 24;
  }

  /** The scenario's time of day, such as `09:30`. */
  wallTime(hours: number): string {
    return new Date(Date.parse(this.#scenario.from) + hours * HOUR_MS).toISOString().slice(11, 16);
  }

  /** Resolves at once if that time has passed. @throws the signal's reason */
  async until(hours: number): Promise<void> {
    this.#signal.throwIfAborted();
    const waitMs = this.realMsAt(hours) - Date.now();
    if (waitMs <= 0) return;
    await delay(waitMs, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted());
  }
}
