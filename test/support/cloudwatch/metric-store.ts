import { MINUTE_MS } from '../../../lib/common/time.ts';
import { decodeRuns, encodeRuns, type Recording } from './recording.ts';
import { type Distribution, type Statistic, statisticOf } from './statistic.ts';

/** The identity of a metric: other dimensions, or fewer, make another metric. */
export interface MetricId {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

export interface Observation extends MetricId {
  /** In ms since the epoch. */
  readonly at: number;
  readonly values: readonly number[];
  /** How many times each of the values was seen. @default once each */
  readonly counts?: readonly number[];
  /** In CloudWatch's spelling, such as `Count`. */
  readonly unit: string;
}

export interface SeriesSpan {
  readonly statistic: Statistic;
  /** Whole minutes. */
  readonly periodMs: number;
  /** In ms since the epoch; the first period is the one that contains it. */
  readonly fromMs: number;
  /** In ms since the epoch; exclusive. */
  readonly toMs: number;
}

/**
 * Metrics as CloudWatch stores them at standard resolution: the values of each minute, from which statistics
 * are computed on request.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
 */
export class MetricStore {
  readonly #metrics = new Map<string, StoredMetric>();

  static of(recording: Recording): MetricStore {
    const store = new MetricStore();
    const firstMinute = Date.parse(recording.startsAt) / MINUTE_MS;
    for (const { namespace, name, dimensions, unit, runs } of recording.metrics) {
      const id = { namespace, name, dimensions };
      for (const [minute, values] of decodeRuns(runs, firstMinute)) {
        const [at, counts] = [minute * MINUTE_MS, [...values.values()]];
        store.add({ ...id, unit, at, values: [...values.keys()], counts });
      }
    }
    return store;
  }

  add({ namespace, name, dimensions, at, values, counts, unit }: Observation): void {
    const id = { namespace, name, dimensions };
    const metric = this.#metrics.get(keyOf(id)) ?? { id, unit, minutes: new Map(), made: new Map() };
    this.#metrics.set(keyOf(id), metric);
    metric.made.clear();
    const minute = Math.floor(at / MINUTE_MS);
    const seen = metric.minutes.get(minute) ?? new Map<number, number>();
    metric.minutes.set(minute, seen);
    addTo(seen, values, counts);
  }

  /**
   * One value for each period, aligned to multiples of the period; undefined if there is none.
   *
   * @throws RangeError if the period is not of whole minutes
   */
  series(id: MetricId, { statistic, periodMs, fromMs, toMs }: SeriesSpan): readonly (number | undefined)[] {
    const startsMs = Math.floor(fromMs / periodMs) * periodMs;
    const length = Math.max(0, Math.ceil((toMs - startsMs) / periodMs));
    return Array.from({ length }, (_, index) =>
      this.valueIn(id, { statistic, periodMs, fromMs: startsMs + index * periodMs }),
    );
  }

  /**
   * The value of one period, which starts at any minute.
   *
   * @throws RangeError if the period is not of whole minutes
   */
  valueIn(id: MetricId, { statistic, periodMs, fromMs }: Omit<SeriesSpan, 'toMs'>): number | undefined {
    if (!(periodMs > 0) || periodMs % MINUTE_MS !== 0) {
      throw new RangeError(`a period of ${periodMs} ms is not of whole minutes`);
    }
    const metric = this.#metrics.get(keyOf(id));
    if (metric === undefined) return undefined;
    const first = Math.floor(fromMs / MINUTE_MS);
    const key = `${statistic} of ${periodMs} from ${first}`;
    if (!metric.made.has(key)) {
      const values = valuesBetween(metric.minutes, first, first + periodMs / MINUTE_MS);
      metric.made.set(key, statisticOf(values, statistic));
    }
    return metric.made.get(key);
  }

  /** All metrics that were ever added, in the order of their first value. */
  ids(): MetricId[] {
    return [...this.#metrics.values()].map(({ id }) => id);
  }

  /** Undefined for an unknown metric. */
  unitOf(id: MetricId): string | undefined {
    return this.#metrics.get(keyOf(id))?.unit;
  }

  /** From the first minute with data to the end of the last, in ms since the epoch; empty without data. */
  span(): { readonly fromMs: number; readonly toMs: number } {
    const minutes = [...this.#metrics.values()].flatMap((metric) => [...metric.minutes.keys()]);
    if (minutes.length === 0) return { fromMs: 0, toMs: 0 };
    const first = minutes.reduce((one, other) => Math.min(one, other));
    const last = minutes.reduce((one, other) => Math.max(one, other));
    return { fromMs: first * MINUTE_MS, toMs: (last + 1) * MINUTE_MS };
  }

  /** The content of the store, to a thousandth of its unit. */
  toRecording(): Recording {
    const { fromMs } = this.span();
    const firstMinute = fromMs / MINUTE_MS;
    return {
      startsAt: new Date(fromMs).toISOString(),
      metrics: [...this.#metrics.values()].map(({ id, unit, minutes }) => ({
        ...id,
        unit,
        runs: encodeRuns(minutes, firstMinute),
      })),
    };
  }
}

interface StoredMetric {
  readonly id: MetricId;
  readonly unit: string;
  readonly minutes: Map<number, Map<number, number>>;
  /** The results since the last added value: alarms request the same ones repeatedly. */
  readonly made: Map<string, number | undefined>;
}

function addTo(seen: Map<number, number>, values: readonly number[], counts?: readonly number[]): void {
  for (const [index, value] of values.entries()) {
    seen.set(value, (seen.get(value) ?? 0) + (counts?.[index] ?? 1));
  }
}

/** All values of some minutes. A sparse metric is iterated by its own minutes, even for a long period. */
function valuesBetween(minutes: ReadonlyMap<number, Distribution>, first: number, end: number): Distribution {
  const found =
    minutes.size < end - first
      ? [...minutes].filter(([minute]) => minute >= first && minute < end).map(([, seen]) => seen)
      : Array.from({ length: end - first }, (_, index) => minutes.get(first + index) ?? NOTHING);
  const merged = new Map<number, number>();
  for (const seen of found) addTo(merged, [...seen.keys()], [...seen.values()]);
  return merged;
}

const NOTHING: Distribution = new Map();

/** Dimensions are unordered. */
function keyOf({ namespace, name, dimensions }: MetricId): string {
  const sorted = Object.entries(dimensions).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([namespace, name, sorted]);
}
