import { HOUR_MS, MINUTE_MS } from '../../lib/common/time.ts';
import { MetricStore } from '../support/cloudwatch/metric-store.ts';

export const FROM_MS = Date.parse('2026-01-14T00:00:00Z');
export const TO_MS = FROM_MS + 6 * HOUR_MS;

const NAMESPACE = 'keybuzz/mail';
const CLASSES = ['unreachable', 'tls', 'auth', 'rejected'];

/** Six made-up hours with an outage in the middle. */
export function sampleStore(): MetricStore {
  const store = new MetricStore();
  for (let minute = 0; minute < 360; minute += 1) addMinute(store, minute);
  return store;
}

export const metricOf = (name: string, dimensions: Readonly<Record<string, string>> = {}) => ({
  namespace: NAMESPACE,
  name,
  dimensions: { stage: 'dev', ...dimensions },
});

function addMinute(store: MetricStore, minute: number): void {
  const at = FROM_MS + minute * MINUTE_MS;
  const count = (name: string, value: number, dimensions?: Readonly<Record<string, string>>) =>
    store.add({ ...metricOf(name, dimensions), at, values: [value], unit: 'Count' });
  const out = minute >= 90 && minute < 270;
  if (out) {
    const cause = CLASSES[Math.floor((minute - 90) / 45)] ?? 'unknown';
    count('HandedOver', 3 + (minute % 4), { class: cause });
    count('Resent', 3 + (minute % 3));
    const waited = [900, 1500, 2400 + minute * 20];
    store.add({ ...metricOf('TimeToAcceptance'), at, values: waited, unit: 'Milliseconds' });
  }
  if (minute === 20) count('HandedOver', 1, { class: 'deferred' });
  const queue = { namespace: 'AWS/SQS', dimensions: { QueueName: 'keybuzz-mail-fallback-dev' } };
  const age = out ? (minute - 90) * 12 : 0;
  store.add({ ...queue, name: 'ApproximateAgeOfOldestMessage', at, values: [age], unit: 'Seconds' });
  if (minute % 60 === 0) {
    const rate = { namespace: 'AWS/SES', name: 'Reputation.BounceRate', dimensions: {} };
    store.add({ ...rate, at, values: [0.01 + minute / 20_000], unit: 'None' });
    store.add({ ...metricOf('QuotaUsed'), at, values: [12 + minute / 20], unit: 'Percent' });
  }
}
