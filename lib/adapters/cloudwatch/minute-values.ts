import type { MetricName } from '../../message/metrics.ts';

/** What was seen of a metric in a minute. */
export interface MinuteOfMetric {
  /** When the minute began, in ms since the epoch. */
  readonly minuteMs: number;
  readonly name: MetricName;
  /** Of the second dimension, where it has one. */
  readonly label: string | undefined;
  /** Each value, and how many times it was seen. */
  readonly values: ReadonlyMap<number, number>;
}

interface OpenMinute extends MinuteOfMetric {
  readonly values: Map<number, number>;
}

const MINUTE_MS = 60_000;

/** Values by the minute in which they came, the resolution in which CloudWatch keeps them. */
export class MinuteValues {
  #minutes = new Map<string, OpenMinute>();

  add(atMs: number, name: MetricName, label: string | undefined, value: number): void {
    const minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    this.putBack([{ minuteMs, name, label, values: new Map([[value, 1]]) }]);
  }

  /** Takes out all that there is, the oldest first. */
  takeAll(): readonly MinuteOfMetric[] {
    const taken = [...this.#minutes.values()].sort((one, other) => one.minuteMs - other.minuteMs);
    this.#minutes = new Map();
    return taken;
  }

  /** Adds what was taken out to what has come meanwhile. */
  putBack(minutes: readonly MinuteOfMetric[]): void {
    for (const { minuteMs, name, label, values } of minutes) {
      const key = JSON.stringify([minuteMs, name, label]);
      const open = this.#minutes.get(key) ?? { minuteMs, name, label, values: new Map() };
      for (const [value, times] of values) open.values.set(value, (open.values.get(value) ?? 0) + times);
      this.#minutes.set(key, open);
    }
  }
}
