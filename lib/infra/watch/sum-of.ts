/**
 * Metric math for the sum of metrics of which each may tell nothing, or may never have told anything: a queue that is
 * not in use, a failure that did not happen yet. CloudWatch's page does not say whether FILL fills what has no value at
 * all; SUM of an array leaves it out in any case, where an operator might make the whole sum disappear.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function sumOf(...ids: readonly string[]): string {
  return `SUM([${ids.map((id) => `FILL(${id}, 0)`).join(', ')}])`;
}
