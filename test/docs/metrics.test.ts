import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { METRICS, type MetricDefinition } from '../../lib/domain/metrics.ts';
import { type SeriesDefinition, WORKER_SERIES } from '../../lib/domain/worker-series.ts';

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

/** The rows of the table with this head, cell by cell. */
function rowsUnder(head: string): string[][] {
  const table = page.slice(page.indexOf(head)).split('\n\n')[0] ?? '';
  return table
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, -1),
    );
}

describe('the page of the metrics', () => {
  it('tells name, unit, source, dimension and meaning of each metric', () => {
    const defined = Object.entries<MetricDefinition>(METRICS).map(([name, { unit, source, by, meaning }]) => [
      `\`${name}\``,
      unit,
      source,
      by === undefined ? '' : `\`${by.dimension}\`${by.total ? ', and without' : ''}`,
      meaning,
    ]);

    expect(rowsUnder('| metric |')).toEqual(defined);
  });

  it('tells name, type, labels and meaning of each series of the worker', () => {
    const defined = Object.entries<SeriesDefinition>(WORKER_SERIES).map(
      ([name, { type, labels = [], help }]) => [
        `\`${name}\``,
        type,
        labels.map((label) => `\`${label}\``).join(', '),
        help,
      ],
    );

    expect(rowsUnder('| series |')).toEqual(defined);
  });
});
