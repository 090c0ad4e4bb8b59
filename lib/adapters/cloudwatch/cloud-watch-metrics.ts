import {
  CloudWatchClient,
  type Dimension,
  type MetricDatum,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';
import { METRICS, type MetricDefinition, type MetricName, OTHER_VALUE } from '../../domain/metrics.ts';
import type { Clock, Log, Metrics } from '../../ports/runtime.ts';
import { type AwsConnection, awsClientOptions, awsErrorCode } from '../aws-client.ts';

export interface CloudWatchMetricsOptions {
  readonly connection: AwsConnection;
  readonly namespace: string;
  /** The value of the dimension that all metrics have. */
  readonly stage: string;
  /** Adds what has to be looked up, before each publishing. It ends soon after the signal has aborted. */
  readonly measure: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** @default 60000 */
  readonly periodMs?: number;
}

const PERIOD_MS = 60_000;

/**
 * What cannot be published for longer is given up: whoever looks at a dashboard then has found the outage. So is what a
 * clock that went wrong has put further ahead, as CloudWatch would refuse all that goes with it.
 */
const KEEP_MS = HOUR_MS;

/** A call may hold 1,000, in at most 1 MB. */
const MAX_MINUTES_PER_CALL = 500;

/**
 * A call is over after so many times of a try: three of them, and the pauses between. The limit of a try ends with the
 * first byte of an answer, and one that never comes to its end would be the last call of all.
 */
const CALL_TIMEOUT_TRIES = 4;

/**
 * Metrics that are published to CloudWatch once a minute, for a process that runs outside of AWS. Whoever counts waits
 * for nothing: values are gathered in memory by the minute in which they came. What could not be published goes out
 * with the next call, for up to an hour. A call whose answer was lost is made again, so that counts may come out too
 * high then, never too low.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
 */
export class CloudWatchMetrics implements Metrics {
  readonly #options: CloudWatchMetricsOptions;
  readonly #client: CloudWatchClient;
  readonly #values = new MinuteValues();
  readonly #givenUp = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: CloudWatchMetricsOptions) {
    this.#options = options;
    this.#client = new CloudWatchClient(awsClientOptions(options.connection));
  }

  add(name: MetricName, value: number, label?: string): void {
    // CloudWatch refuses a whole call for one of these.
    if (!Number.isFinite(value)) return;
    const at = this.#options.clock.now().getTime();
    for (const known of labelsOf(METRICS[name], label)) this.#values.add(at, name, known, value);
  }

  /** Publishes at once, and once in each period from then on. */
  start(): void {
    if (this.#timer !== undefined) throw new Error('the metrics are published already');
    this.#timer = setInterval(() => this.#tick(), this.#options.periodMs ?? PERIOD_MS);
    this.#tick();
  }

  /** Publishes all that there is, as far as CloudWatch takes it. */
  async flush(): Promise<void> {
    const nowMs = this.#options.clock.now().getTime();
    let open = this.#values.takeAll().filter(({ minuteMs }) => Math.abs(nowMs - minuteMs) <= KEEP_MS);
    try {
      for (const minutes of chunks(open, MAX_MINUTES_PER_CALL)) {
        await this.#publish(minutes);
        open = open.slice(minutes.length);
        this.#tellRecovery();
      }
    } catch (error) {
      this.#keep(open, error);
    }
  }

  /** Measures nothing more, and publishes what is left; what is not out by then is lost. */
  async stop(timeoutMs: number): Promise<void> {
    clearInterval(this.#timer);
    const deadline = setTimeout(() => this.#givenUp.abort(), timeoutMs);
    try {
      await this.#underWay;
      await this.flush();
    } finally {
      clearTimeout(deadline);
      this.#client.destroy();
    }
  }

  /** While CloudWatch keeps one publishing waiting there is no other: what it would have taken waits for the next. */
  #tick(): void {
    this.#underWay ??= this.#measureAndPublish().finally(() => {
      this.#underWay = undefined;
    });
  }

  async #measureAndPublish(): Promise<void> {
    try {
      await this.#options.measure(this.#givenUp.signal);
    } catch (error) {
      this.#options.log.error('not-measured', { code: awsErrorCode(error) });
    }
    await this.flush();
  }

  async #publish(minutes: readonly MinuteOfMetric[]): Promise<void> {
    const { namespace, stage, connection } = this.#options;
    const MetricData = minutes.flatMap((minute) => metricDataOf(minute, stage));
    const limit = AbortSignal.timeout(connection.tryTimeoutMs * CALL_TIMEOUT_TRIES);
    await this.#client.send(new PutMetricDataCommand({ Namespace: namespace, MetricData }), {
      abortSignal: AbortSignal.any([this.#givenUp.signal, limit]),
    });
  }

  #keep(minutes: readonly MinuteOfMetric[], error: unknown): void {
    this.#values.putBack(minutes);
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.log.warn('metrics-not-published', { code: awsErrorCode(error) });
  }

  #tellRecovery(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.log.info('metrics-published-again');
  }
}

/** The values of the second dimension that a value counts for; undefined is the metric without one. */
function labelsOf({ by }: MetricDefinition, label: string | undefined): readonly (string | undefined)[] {
  if (by === undefined) return [undefined];
  const known = label !== undefined && by.values.includes(label) ? label : OTHER_VALUE;
  return by.total ? [known, undefined] : [known];
}

/** CloudWatch takes no more different values of a metric at once. */
const MAX_VALUES = 150;

/**
 * A minute of a metric as CloudWatch takes it: more than one where it has many values.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
 */
function metricDataOf({ name, label, minuteMs, values }: MinuteOfMetric, stage: string): MetricDatum[] {
  const { unit, by }: MetricDefinition = METRICS[name];
  const dimensions: Dimension[] = [{ Name: 'stage', Value: stage }];
  if (by !== undefined && label !== undefined) dimensions.push({ Name: by.dimension, Value: label });
  return chunks([...values], MAX_VALUES).map((some) => ({
    MetricName: name,
    Dimensions: dimensions,
    Timestamp: new Date(minuteMs),
    Unit: unit,
    Values: some.map(([value]) => value),
    Counts: some.map(([, times]) => times),
  }));
}

/** @returns the entries in their order, in lists of at most so many */
function chunks<T>(entries: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(entries.length / size) }, (_, index) =>
    entries.slice(index * size, (index + 1) * size),
  );
}

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

/** Values by the minute in which they came, the resolution in which CloudWatch keeps them. */
class MinuteValues {
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
