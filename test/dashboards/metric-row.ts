import * as v from 'valibot';
import { type ReadQuery, readQueries } from '../support/cloudwatch/metric-query.ts';

/** A row of a widget's `metrics`: its query and its look. */
export interface MetricRow {
  readonly query: ReadQuery;
  /** Undefined if CloudWatch chooses. */
  readonly colour: string | undefined;
  readonly axis: 'left' | 'right';
}

const look = v.object({
  color: v.optional(v.string()),
  yAxis: v.optional(v.picklist(['left', 'right']), 'left'),
});

/**
 * The rows of a widget's `metrics`, in their order.
 *
 * @throws Error that names what is not supported here
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function metricRows(metrics: readonly (readonly unknown[])[]): readonly MetricRow[] {
  return readQueries(metrics).map((query, index) => {
    const options = metrics[index]?.find((part) => typeof part === 'object') ?? {};
    const { color, yAxis } = v.parse(look, options);
    return { query, colour: color, axis: yAxis };
  });
}
