import type { CloudWatchMetrics } from '../adapters/cloudwatch/cloud-watch-metrics.ts';
import { type Log, systemClock } from '../ports/runtime.ts';

export interface CloudWatchSettings {
  readonly cloudWatchNamespace?: string | undefined;
  readonly cloudWatchStage?: string | undefined;
  readonly cloudWatchEndpoint?: string | undefined;
}

/** The key that hands over may also publish, if the stack says so. */
export interface FallbackAccess {
  readonly region: string;
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
}

/** Timeout of one attempt; the SDK makes three, well within the minute. */
const TRY_TIMEOUT_MS = 5_000;

/**
 * The metrics that a process publishes once a minute; undefined if its settings have no namespace.
 *
 * @param measure called before each publication, to add what is measured, not counted
 */
export async function openCloudWatch(
  { cloudWatchNamespace: namespace, cloudWatchStage: stage, cloudWatchEndpoint }: CloudWatchSettings,
  { region, accessKeyId, secretAccessKey }: FallbackAccess,
  measure: (metrics: CloudWatchMetrics, signal: AbortSignal) => Promise<void>,
  log: Log,
): Promise<CloudWatchMetrics | undefined> {
  if (namespace === undefined || stage === undefined) return undefined;
  // Load the client only if used: it costs time and memory that most processes do not need to spend.
  const { CloudWatchMetrics } = await import('../adapters/cloudwatch/cloud-watch-metrics.ts');
  const metrics: CloudWatchMetrics = new CloudWatchMetrics({
    connection: {
      region,
      accessKeyId,
      secretAccessKey,
      endpoint: cloudWatchEndpoint,
      tryTimeoutMs: TRY_TIMEOUT_MS,
    },
    namespace,
    stage,
    measure: (signal) => measure(metrics, signal),
    clock: systemClock,
    log,
  });
  return metrics;
}
