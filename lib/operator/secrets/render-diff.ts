import type { Terminal } from '../terminal.ts';
import type { CopyComparison } from './compare-fields.ts';

/** A column for each copy; never a value. */
export function renderComparisons(terminal: Terminal, copies: readonly CopyComparison[]): string {
  const names = copies[0]?.fields.map(({ field }) => field) ?? [];
  const rows = names.map((name) => [
    name,
    ...copies.map(({ fields }) => fields.find(({ field }) => field === name)?.standing ?? ''),
  ]);
  return [
    terminal.table(['field', ...copies.map(({ copy }) => copy)], rows),
    ...copies.map(renderVerdict),
  ].join('\n');
}

function renderVerdict({ copy, equal, others }: CopyComparison): string {
  const verdict = `${copy}: ${equal ? 'the same as' : 'not the same as'} Secrets Manager`;
  return others.length === 0 ? verdict : `${verdict}; also has ${others.join(', ')}`;
}
