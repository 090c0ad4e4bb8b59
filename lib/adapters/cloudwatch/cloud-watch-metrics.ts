import {
  CloudWatchClient,
  type Dimension,
  type MetricDatum,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';
import { METRICS, type MetricDefinition, type MetricName, OTHER_VALUE } from '../../domain/metrics.ts';
import type { Clock, Log, Metrics } from '../../ports/runtime.ts';
import { type AwsConnection, awsClientOptions, awsErrorCode, withoutNodeWarning } from '../aws-client.ts';

export interface CloudWatchMetricsOptions {
  readonly connection: AwsConnection;
  readonly namespace: string;
  /** The value of the dimension that all metrics have. */
  readonly stage: string;
  /** Adds polled metrics before each publish. It ends soon after the signal has aborted. */
  readonly measure: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** @default 60000 */
  readonly periodMs?: number;
}

const PERIOD_MS = 60_000;

/**
 * Metrics that cannot be published for longer are dropped: by then the outage is visible on a dashboard. So
 * are those that a wrong clock has dated further ahead, because CloudWatch would refuse the whole call.
 */
const KEEP_MS = HOUR_MS;

/** A call accepts 1,000, in at most 1 MB. */
const MAX_MINUTES_PER_CALL = 500;

/**
 * The timeout of a call in multiples of the attempt timeout: three attempts, and the pauses between. The
 * attempt timeout ends with the first byte of a response; a response that never ends would block all later
 * calls.
 */
const CALL_TIMEOUT_TRIES = 4;

/**
 * Publishes metrics to CloudWatch once a minute, for a process outside AWS. Counting never blocks: values are
 * collected in memory per minute. What could not be published goes out with the next call, for up to an hour.
 * A call with an unknown result is repeated, so counts may then be too high, but never too low.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
 */
export class CloudWatchMetrics implements Metrics {
  readonly #options: CloudWatchMetricsOptions;
  readonly #client: CloudWatchClient;
  readonly #values = new MinuteValues();
  readonly #givenUp = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #publishing: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: CloudWatchMetricsOptions) {
    this.#options = options;
    this.#client = withoutNodeWarning(() => new CloudWatchClient(awsClientOptions(options.connection)));
  }

  add(name: MetricName, value: number, label?: string): void {
    // CloudWatch refuses the whole call for one such value.
    if (!Number.isFinite(value)) return;
    const at = this.#options.clock.now().getTime();
    for (const known of labelsOf(METRICS[name], label)) this.#values.add(at, name, known, value);
  }

  /** Publishes now and then once per period. */
  start(): void {
    if (this.#timer !== undefined) throw new Error('the metrics are published already');
    this.#timer = setInterval(() => this.#tick(), this.#options.periodMs ?? PERIOD_MS);
    this.#tick();
  }

  /** Publishes everything collected; what CloudWatch does not accept is kept. */
  async flush(): Promise<void> {
    const nowMs = this.#options.clock.now().getTime();
    let open = this.#values.takeAll().filter(({ minuteMs }) => Math.abs(nowMs - minuteMs) <= KEEP_MS);
    try {
      for (const minutes of chunks(open, MAX_MINUTES_PER_CALL)) {
        await this.#publish(minutes);
        open = open.slice(minutes.length);
        this.#logRecovery();
      }
    } catch (error) {
      this.#keep(open, error);
    }
  }

  /** Stops measuring and publishes the rest; what is not published within the timeout is lost. */
  async stop(timeoutMs: number): Promise<void> {
    clearInterval(this.#timer);
    const deadline = setTimeout(() => this.#givenUp.abort(), timeoutMs);
    try {
      await this.#publishing;
      await this.flush();
    } finally {
      clearTimeout(deadline);
      this.#client.destroy();
    }
  }

  /** Only one publish at a time: if CloudWatch is slow, later values wait for the next one. */
  #tick(): void {
    this.#publishing ??= this.#measureAndPublish().finally(() => {
      this.#publishing = undefined;
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

  #logRecovery(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.log.info('metrics-published-again');
  }
}

/** The second-dimension values to count under; undefined is the metric without one. */
function labelsOf({ by }: MetricDefinition, label: string | undefined): readonly (string | undefined)[] {
  if (by === undefined) return [undefined];
  const known = label !== undefined && by.values.includes(label) ? label : OTHER_VALUE;
  return by.total ? [known, undefined] : [known];
}

/** CloudWatch's limit of distinct values per datum. */
const MAX_VALUES = 150;

/**
 * The CloudWatch data for one minute of a metric: several if it has many values.
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

/** @returns the entries in order, in lists of at most `size` */
function chunks<T>(entries: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(entries.length / size) }, (_, index) =>
    entries.slice(index * size, (index + 1) * size),
  );
}

/** The values of a metric in one minute. */
export interface MinuteOfMetric {
  /** Start of the minute, in ms since the epoch. */
  readonly minuteMs: number;
  readonly name: MetricName;
  /** Value of the second dimension, if it has one. */
  readonly label: string | undefined;
  /** Each value and its count. */
  readonly values: ReadonlyMap<number, number>;
}

interface OpenMinute extends MinuteOfMetric {
  readonly values: Map<number, number>;
}

/** Values by minute, the resolution of CloudWatch. */
class MinuteValues {
  #minutes = new Map<string, OpenMinute>();

  add(atMs: number, name: MetricName, label: string | undefined, value: number): void {
    const minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    this.putBack([{ minuteMs, name, label, values: new Map([[value, 1]]) }]);
  }

  /** Removes and returns everything, oldest first. */
  takeAll(): readonly MinuteOfMetric[] {
    const taken = [...this.#minutes.values()].sort((one, other) => one.minuteMs - other.minuteMs);
    this.#minutes = new Map();
    return taken;
  }

  /** Merges removed values with those added since. */
  putBack(minutes: readonly MinuteOfMetric[]): void {
    for (const { minuteMs, name, label, values } of minutes) {
      const key = JSON.stringify([minuteMs, name, label]);
      const open = this.#minutes.get(key) ?? { minuteMs, name, label, values: new Map() };
      for (const [value, times] of values) open.values.set(value, (open.values.get(value) ?? 0) + times);
      this.#minutes.set(key, open);
    }
  }
}
