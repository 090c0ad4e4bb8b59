import * as v from 'valibot';
import type { Observation } from './metric-store.ts';

/** The largest value of CloudWatch; a larger one is invalid. */
const LARGEST_VALUE = 2 ** 360;
const value = v.pipe(v.number(), v.minValue(-LARGEST_VALUE), v.maxValue(LARGEST_VALUE));
const values = v.union([
  v.pipe(
    value,
    v.transform((one) => [one]),
  ),
  v.pipe(v.array(value), v.minLength(1), v.maxLength(100)),
]);

const directive = v.object({
  Namespace: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  Dimensions: v.array(v.pipe(v.array(v.string()), v.maxLength(30))),
  Metrics: v.pipe(
    v.array(
      v.object({
        Name: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
        Unit: v.optional(v.string(), 'None'),
      }),
    ),
    v.maxLength(100),
  ),
});

const metadata = v.object({
  Timestamp: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8_640_000_000_000_000)),
  CloudWatchMetrics: v.array(v.unknown()),
});

const dimensionValue = v.pipe(v.string(), v.minLength(1), v.maxLength(1024));

/**
 * The observations that CloudWatch extracts from a log line: one for each metric and set of dimensions. A
 * line that is not EMF has none; an invalid directive, set of dimensions or metric is omitted. Never throws.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function readEmbeddedMetrics(line: string): Observation[] {
  const root = parseObject(line);
  if (root === undefined) return [];
  const parsed = v.safeParse(metadata, root._aws);
  if (!parsed.success) return [];
  const { Timestamp: at, CloudWatchMetrics: directives } = parsed.output;
  return directives.flatMap((entry) => {
    const read = v.safeParse(directive, entry);
    return read.success ? observationsOf(read.output, root, at) : [];
  });
}

type Root = Readonly<Record<string, unknown>>;

function parseObject(line: string): Root | undefined {
  if (!line.includes('"_aws"')) return undefined;
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

function observationsOf(
  { Namespace: namespace, Dimensions, Metrics }: v.InferOutput<typeof directive>,
  root: Root,
  at: number,
): Observation[] {
  const sets = Dimensions.map((keys) => dimensionsOf(keys, root)).filter((set) => set !== undefined);
  const metrics = Metrics.flatMap(({ Name: name, Unit: unit }) => {
    const read = v.safeParse(values, root[name]);
    return read.success ? [{ name, unit, values: read.output }] : [];
  });
  return sets.flatMap((dimensions) => metrics.map((metric) => ({ namespace, dimensions, at, ...metric })));
}

/** Undefined if a value is missing: without it, it would be another metric. */
function dimensionsOf(keys: readonly string[], root: Root): Record<string, string> | undefined {
  const pairs = keys.map((key) => [key, v.safeParse(dimensionValue, root[key])] as const);
  if (pairs.some(([, read]) => !read.success)) return undefined;
  return Object.fromEntries(pairs.map(([key, read]) => [key, String(read.output)]));
}
