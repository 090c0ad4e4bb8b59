export interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>[^}]*)\})? (?<value>\S+)/;

const LABEL = /(\w+)="([^"]*)"/g;

/**
 * The samples of a text in Prometheus' format, as far as the worker uses it: labels without quotes or braces.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function readPrometheus(text: string): readonly PrometheusSample[] {
  return text.split('\n').flatMap((line) => {
    const { name, labels = '', value } = SAMPLE.exec(line)?.groups ?? {};
    if (name === undefined || !Number.isFinite(Number(value))) return [];
    const pairs = [...labels.matchAll(LABEL)].map(([, label = '', text = '']) => [label, text]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}
