/** What is computed from the values of a period. */
export type Statistic = (typeof SIMPLE)[number] | `p${number}`;

const SIMPLE = ['Sum', 'Average', 'Minimum', 'Maximum', 'SampleCount'] as const;

/** Values, each with its count, in the form that CloudWatch stores. */
export type Distribution = ReadonlyMap<number, number>;

/**
 * A statistic in the syntax of dashboards and alarms.
 *
 * @throws Error for one that is not supported here, such as a trimmed mean
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
 */
export function readStatistic(text: string): Statistic {
  const statistic = SIMPLE.find((known) => known === text);
  if (statistic !== undefined) return statistic;
  const percentile = /^p(\d{1,2}(?:\.\d{1,10})?|100)$/.exec(text)?.[1];
  if (percentile !== undefined) return `p${Number(percentile)}`;
  throw new Error(`the statistic ${text} is not known here`);
}

/** Undefined if there is no value. */
export function statisticOf(values: Distribution, statistic: Statistic): number | undefined {
  if (values.size === 0) return undefined;
  switch (statistic) {
    case 'Sum':
      return sumOf(values);
    case 'Average':
      return sumOf(values) / countOf(values);
    case 'Minimum':
      return Math.min(...values.keys());
    case 'Maximum':
      return Math.max(...values.keys());
    case 'SampleCount':
      return countOf(values);
    default:
      return percentileOf(values, Number(statistic.slice(1)));
  }
}

function sumOf(values: Distribution): number {
  return [...values].reduce((sum, [value, times]) => sum + value * times, 0);
}

function countOf(values: Distribution): number {
  return [...values.values()].reduce((sum, times) => sum + times, 0);
}

/**
 * The smallest value that the given per cent of all do not exceed. CloudWatch does not document its
 * interpolation.
 */
function percentileOf(values: Distribution, percent: number): number | undefined {
  const needed = (countOf(values) * percent) / 100;
  let seen = 0;
  const sorted = [...values].sort(([one], [other]) => one - other);
  return sorted.find(([, times]) => {
    seen += times;
    return seen >= needed;
  })?.[0];
}
