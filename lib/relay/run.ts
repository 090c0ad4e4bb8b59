import type { CloudWatchMetrics } from '../adapters/cloudwatch/cloud-watch-metrics.ts';
import type { Log } from '../ports/runtime.ts';
import { openCloudWatch } from '../process/cloud-watch.ts';
import { FallbackCheck } from '../process/fallback-check.ts';
import { startHealthServer } from '../process/health.ts';
import { openRelay, type RelayPorts } from './create-relay.ts';
import { createRelayMetrics } from './metrics.ts';
import type { RelayObserver } from './observer.ts';
import type { RelayProcessSettings } from './settings.ts';

/** Publish even if the drain used all of its time. */
const PUBLISHING_MS = 1_000;

export interface RunningRelay extends RelayPorts {
  readonly httpPort: number;
  /** Accepts nothing more, and finishes the mails in progress. */
  stop(): Promise<void>;
}

/** Runs the relay's process: its listeners, and the HTTP server for health and metrics. */
export async function runRelay(settings: RelayProcessSettings, log: Log): Promise<RunningRelay> {
  const metrics = createRelayMetrics(() => relay.bytesInMemory);
  const cloudWatch = await openCloudWatch(settings, settings.fallback, async () => {}, log);
  const observer: RelayObserver = {
    ...metrics.observer,
    mail: (...mail) => {
      metrics.observer.mail(...mail);
      // Behind a mail server SMTP is not tried here; the resend Lambda counts what is handed over.
      if (settings.upstream.host !== undefined) countSmtp(cloudWatch, ...mail);
    },
  };
  const relay = openRelay(settings, { log, observer, onSmtpState: metrics.breaker });
  const fallback = new FallbackCheck({
    check: () => relay.verifyFallback(),
    onChecked: metrics.fallback,
    log,
  });
  const health = await startHealthServer({
    host: settings.httpHost,
    port: settings.httpPort,
    metrics,
    log,
    checks: {
      // It has no loop that could stand still: if the process answers, it lives.
      live: () => ({ live: true, sinceLastTurnMs: 0 }),
      ready: async () => ({
        missing: relay.isListening ? [] : ['listeners'],
        breaker: relay.smtpState,
        warnings: fallback.warnings,
      }),
    },
  });
  const ports = await relay.start();
  fallback.start();
  cloudWatch?.start();
  return {
    ...ports,
    httpPort: health.port,
    stop: async () => {
      fallback.stop();
      await relay.drain(settings.drainTimeoutMs);
      await cloudWatch?.stop(PUBLISHING_MS);
      await health.close();
    },
  };
}

function countSmtp(
  metrics: CloudWatchMetrics | undefined,
  ...[outcome, , failureClass]: Parameters<RelayObserver['mail']>
): void {
  if (outcome === 'taken' || outcome === 'split') metrics?.add('SmtpTaken', 1);
  if (outcome !== 'taken' && failureClass !== undefined) metrics?.add('SmtpFailed', 1, failureClass);
}
