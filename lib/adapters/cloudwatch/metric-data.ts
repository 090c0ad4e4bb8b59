import type { Dimension, MetricDatum } from '@aws-sdk/client-cloudwatch';
import { METRICS, type MetricDefinition } from '../../message/metrics.ts';
import type { MinuteOfMetric } from './minute-values.ts';

/** CloudWatch takes no more different values of a metric at once. */
const MAX_VALUES = 150;

/**
 * A minute of a metric as CloudWatch takes it: more than one where it has many values.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
 */
export function metricDataOf(
  { name, label, minuteMs, values }: MinuteOfMetric,
  stage: string,
): MetricDatum[] {
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
export function chunks<T>(entries: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(entries.length / size) }, (_, index) =>
    entries.slice(index * size, (index + 1) * size),
  );
}
