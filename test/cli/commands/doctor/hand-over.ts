import { METRICS, type MetricLabel, metricNamespace } from '../../../../lib/domain/metrics.ts';
import type { MetricStore } from '../../../support/cloudwatch/metric-store.ts';

export interface HandedOver {
  readonly minutesAgo: number;
  readonly class: MetricLabel<'HandedOver'>;
  /** Whether the server failed, so that any mail would have failed. */
  readonly down?: boolean;
  /** @default 1 */
  readonly mails?: number;
}

/** Publishes the metrics that the resend function publishes for mail handed over in keybuzz, dev. */
export function handOver(
  metrics: MetricStore,
  { minutesAgo, class: label, down, mails = 1 }: HandedOver,
): void {
  const at = Date.now() - minutesAgo * 60_000;
  const stage = { stage: 'dev' };
  const add = (name: 'HandedOver' | 'SmtpDown', dimensions: Readonly<Record<string, string>>) =>
    metrics.add({
      namespace: metricNamespace('keybuzz'),
      name,
      dimensions,
      at,
      values: [mails],
      unit: METRICS[name].unit,
    });
  add('HandedOver', stage);
  add('HandedOver', { ...stage, class: label });
  if (down === true) add('SmtpDown', stage);
}
