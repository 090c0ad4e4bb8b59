import { METRICS, type MetricName } from '../../../lib/domain/metrics.ts';
import type { WORKER_SERIES } from '../../../lib/domain/worker-series.ts';
import { type PrometheusSample, readPrometheus } from './collect-prometheus.ts';
import type { Collector, Observe } from './collector.ts';

export interface WorkerCollectorDeps {
  /** The URL at which the worker serves `/metrics`. */
  readonly healthUrl: string;
  readonly namespace: string;
  readonly stage: string;
  readonly observe: Observe;
}

/** The series that count each metric. */
const COUNTERS = [
  ['outbound_taken_total', 'SmtpTaken'],
  ['outbound_handed_over_total', 'SmtpFailed'],
  ['outbound_not_accepted_total', 'SmtpFailed'],
] as const satisfies readonly (readonly [keyof typeof WORKER_SERIES, MetricName])[];

const GAUGES = [
  ['outbound_queue_depth', 'OutboxWaiting'],
  ['outbound_queue_oldest_seconds', 'OutboxOldestDue'],
  ['outbound_statuses_overdue', 'StatusesOverdue'],
] as const satisfies readonly (readonly [keyof typeof WORKER_SERIES, MetricName])[];

/**
 * The metrics that the worker would publish itself, from its `/metrics`: it publishes once a minute, and a
 * minute of this machine is hours of a scenario.
 */
export class WorkerCollector implements Collector {
  readonly #deps: WorkerCollectorDeps;
  readonly #reported = new Map<string, number>();

  constructor(deps: WorkerCollectorDeps) {
    this.#deps = deps;
  }

  async sample(nowMs: number): Promise<void> {
    const samples = await this.#scrape();
    for (const sample of samples) {
      const counted = COUNTERS.find(([series]) => series === sample.name)?.[1];
      if (counted !== undefined) this.#count(counted, sample, nowMs);
      const gauged = GAUGES.find(([series]) => series === sample.name)?.[1];
      if (gauged !== undefined) this.#report(gauged, sample.value, sample.labels, nowMs);
    }
  }

  /** A worker that is down reports nothing. */
  async #scrape(): Promise<readonly PrometheusSample[]> {
    try {
      const response = await fetch(`${this.#deps.healthUrl}/metrics`);
      return readPrometheus(await response.text());
    } catch {
      return [];
    }
  }

  #count(metric: MetricName, { name, labels, value }: PrometheusSample, nowMs: number): void {
    const key = JSON.stringify([name, labels]);
    const more = value - (this.#reported.get(key) ?? 0);
    this.#reported.set(key, value);
    if (more > 0) this.#report(metric, more, labels, nowMs);
  }

  #report(name: MetricName, value: number, labels: Readonly<Record<string, string>>, at: number): void {
    const { namespace, stage, observe } = this.#deps;
    const { unit } = METRICS[name];
    observe({ namespace, name, dimensions: { stage, ...labels }, at, values: [value], unit });
  }
}
