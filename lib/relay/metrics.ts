import { collectDefaultMetrics, Registry } from 'prom-client';
import { FAILURE_CLASSES } from '../domain/failure.ts';
import { RELAY_SERIES } from '../domain/relay-series.ts';
import type { BreakerState } from '../mailer/circuit-breaker.ts';
import type { MetricsSource } from '../process/health.ts';
import { HANDLE_BUCKETS_SECONDS, seriesIn } from '../process/prometheus.ts';
import { RELAY_OUTCOMES, type RelayObserver, TURNED_AWAY } from './observer.ts';

/** The codes that a relay replies with. */
const CODES = ['421', '450', '451', '452', '530', '550', '552', '553', '554'];

export interface RelayMetrics extends MetricsSource {
  readonly observer: RelayObserver;
  readonly fallback: (isUp: boolean) => void;
  readonly breaker: (state: BreakerState) => void;
}

/**
 * The metrics of one relay, in their own registry.
 *
 * @param bytesInMemory read per scrape
 */
export function createRelayMetrics(bytesInMemory: () => number): RelayMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const series = seriesIn(registry, RELAY_SERIES);
  const mails = series.labelled('relay_mails_total', RELAY_OUTCOMES);
  const handedOver = series.labelled('relay_handed_over_total', FAILURE_CLASSES);
  const handle = series.histogram('relay_handle_seconds', HANDLE_BUCKETS_SECONDS);
  const replies = series.labelled('relay_replies_total', CODES);
  const turnedAway = series.labelled('relay_turned_away_total', TURNED_AWAY);
  const connections = series.gauge('relay_connections');
  const memory = series.gauge('relay_memory_bytes');
  const breaker = series.gauge('relay_breaker_open');
  const fallback = series.gauge('relay_fallback_up');
  return {
    observer: {
      connected: (change) => connections.inc(change),
      turnedAway,
      replied: (code) => replies(String(code)),
      mail: (outcome, handledMs, failureClass) => {
        mails(outcome);
        handle.observe(handledMs / 1000);
        if (outcome === 'handed-over' || outcome === 'split') handedOver(failureClass);
      },
    },
    breaker: (state) => breaker.set(state === 'open' ? 1 : 0),
    fallback: (isUp) => fallback.set(isUp ? 1 : 0),
    render: async () => {
      memory.set(bytesInMemory());
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
