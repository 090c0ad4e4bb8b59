import { setTimeout as delay } from 'node:timers/promises';
import { HOUR_MS } from '../../lib/common/time.ts';
import type { Scenario } from './scenario.ts';

/** Tells when, on this machine, it is how late in a scenario. */
export class ScenarioClock {
  readonly startedMs = Date.now();
  readonly #scenario: Scenario;
  readonly #signal: AbortSignal;

  /** It starts at once. @param signal ends each wait */
  constructor(scenario: Scenario, signal: AbortSignal) {
    this.#scenario = scenario;
    this.#signal = signal;
  }

  /** When it is so late on this machine, in ms since the epoch. @param hours from the beginning of the scenario */
  realMsAt(hours: number): number {
    return this.startedMs + (hours * HOUR_MS) / this.#scenario.speed;
  }

  /** From 0 up to, but not including, 24. */
  hourOfDay(hours: number): number {
    const begins = new Date(this.#scenario.from);
    return (begins.getUTCHours() + begins.getUTCMinutes() / 60 + hours) % 24;
  }

  /** As a clock on the wall shows it, such as `09:30`. */
  wallTime(hours: number): string {
    return new Date(Date.parse(this.#scenario.from) + hours * HOUR_MS).toISOString().slice(11, 16);
  }

  /** Resolves at once where it is later already. @throws the signal's reason */
  async until(hours: number): Promise<void> {
    this.#signal.throwIfAborted();
    const waitMs = this.realMsAt(hours) - Date.now();
    if (waitMs <= 0) return;
    await delay(waitMs, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted());
  }
}
