import { Ajv } from 'ajv';
import { EMF_SCHEMA } from '../adapters/cloudwatch/emf-schema.ts';

/** A line in the embedded metric format. */
export interface EmfDocument {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

const isOfSchema = new Ajv().compile<EmfDocument>(EMF_SCHEMA);

/**
 * Parses a line like CloudWatch.
 *
 * @throws if it violates the schema, or the specification of its members
 */
export function readEmf(line: string): EmfDocument {
  const document: unknown = JSON.parse(line);
  if (!isOfSchema(document)) throw new Error(JSON.stringify(isOfSchema.errors));
  for (const { Dimensions, Metrics } of document._aws.CloudWatchMetrics) {
    for (const name of Dimensions.flat()) {
      if (typeof document[name] !== 'string') throw new Error(`the dimension ${name} has no text`);
    }
    for (const { Name } of Metrics) {
      const values = valuesOf(document, Name);
      const areNumbers = values.length > 0 && values.every((value) => typeof value === 'number');
      if (!areNumbers || values.length > 100) throw new Error(`${Name} has not 1 to 100 numbers`);
    }
  }
  return document;
}

/** The values that CloudWatch would get, by namespace, dimensions and metric. */
export function readMetrics(lines: readonly string[]): Map<string, number[]> {
  const metrics = new Map<string, number[]>();
  for (const document of lines.map(readEmf)) {
    for (const { Namespace, Dimensions, Metrics } of document._aws.CloudWatchMetrics) {
      for (const [{ Name }, names] of Metrics.flatMap((metric) =>
        Dimensions.map((set) => [metric, set] as const),
      )) {
        const key = [Namespace, ...names.map((name) => `${name}=${document[name]}`), Name].join(' ');
        metrics.set(key, [...(metrics.get(key) ?? []), ...valuesOf(document, Name)]);
      }
    }
  }
  return metrics;
}

function valuesOf(document: EmfDocument, name: string): number[] {
  const value = document[name];
  return (Array.isArray(value) ? value : [value]) as number[];
}
