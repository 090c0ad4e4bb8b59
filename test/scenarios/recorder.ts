import { HOUR_MS, MINUTE_MS } from '../../lib/common/time.ts';
import { MetricStore, type Observation } from '../support/cloudwatch/metric-store.ts';
import type { Scenario } from './scenario.ts';
import type { ScenarioRecording } from './scenario-recording.ts';
import { ScaledTime } from './stretched-time.ts';

/** Records what is observed during a scenario, in scenario time. Drops observations from before and after. */
export class Recorder {
  readonly #scenario: Scenario;
  readonly #store = new MetricStore();
  readonly #fromMs: number;
  #toMs: number;
  #time: ScaledTime | undefined;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#fromMs = Date.parse(scenario.from);
    this.#toMs = this.#fromMs + scenario.hours * HOUR_MS;
  }

  /** @param startedMs when the scenario begins on this machine, in ms since the epoch */
  begin(startedMs: number): void {
    this.#time = new ScaledTime({ startedMs, fromMs: this.#fromMs, speed: this.#scenario.speed });
  }

  observe(seen: Observation): void {
    const stretched = this.#time?.stretched(seen);
    if (stretched === undefined || stretched.at < this.#fromMs || stretched.at >= this.#toMs) return;
    this.#store.add(stretched);
  }

  /** Drops later observations. @param realMs when the scenario has ended on this machine */
  end(realMs: number): void {
    const endMs = this.#time?.momentOf(realMs) ?? this.#fromMs;
    this.#toMs = Math.min(this.#toMs, Math.ceil(endMs / MINUTE_MS) * MINUTE_MS);
  }

  recording(): ScenarioRecording {
    const { name: scenario, speed } = this.#scenario;
    const [from, to] = [this.#fromMs, this.#toMs].map((ms) => new Date(ms).toISOString());
    return { scenario, speed, from: from ?? '', to: to ?? '', ...this.#store.toRecording() };
  }
}
