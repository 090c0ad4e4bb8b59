import Table from 'cli-table3';
import { columnsOf } from './text-columns.ts';

/** Blanks between two columns. */
const GAP = 2;

/** A narrower column could not be read. */
const MIN_COLUMN = 8;

/**
 * A table without borders: readable on a narrow terminal and when pasted into a chat.
 *
 * @param width of the terminal: the widest columns are wrapped to fit it; undefined to wrap nothing
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string {
  const widths = width === undefined ? undefined : fittedWidths([head, ...rows], width);
  const wrapped = (row: readonly string[]) =>
    row.map((cell, index) => (widths === undefined ? cell : wrapCell(cell, widths[index] ?? cell.length)));
  const table = new Table({
    head: wrapped(head),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
    chars: { ...NO_BORDER, middle: ' '.repeat(GAP) },
  });
  for (const row of rows) table.push(wrapped(row));
  return table.toString().replaceAll(/ +$/gm, '');
}

const NO_BORDER = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ].map((name) => [name, '']),
);

/** Takes from the widest column until all fit. */
function fittedWidths(rows: readonly (readonly string[])[], width: number): number[] {
  const count = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, index) =>
    Math.max(0, ...rows.flatMap((row) => (row[index] ?? '').split('\n').map(columnsOf))),
  );
  const available = width - GAP * (count - 1);
  for (let excess = widths.reduce((sum, one) => sum + one, 0) - available; excess > 0; ) {
    const widest = widths.indexOf(Math.max(...widths));
    const second = Math.max(MIN_COLUMN, ...widths.filter((_, index) => index !== widest));
    const current = widths[widest] ?? 0;
    if (current <= MIN_COLUMN) break;
    const taken = Math.min(excess, Math.max(1, current - second), current - MIN_COLUMN);
    widths[widest] = current - taken;
    excess -= taken;
  }
  return widths;
}

const ESCAPE = '\u001b';

/** A control sequence of a terminal that sets a colour or a style. */
const STYLE = `(?:${ESCAPE}\\[[\\d;]*m)+`;
const COLOURED = new RegExp(`^(${STYLE})([\\s\\S]*?)(${STYLE})$`);

/** Wraps a cell between its words; a word that is too long is broken, so that nothing is lost. */
function wrapCell(cell: string, width: number): string {
  const [, on = '', text = cell, off = ''] = COLOURED.exec(cell) ?? [];
  const lines = text.split('\n').flatMap((line) => wrapLine(line, width));
  return lines.map((line) => `${on}${line}${off}`).join('\n');
}

function wrapLine(text: string, width: number): string[] {
  if (columnsOf(text) <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((one) => piecesOf(one, width))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (columnsOf(longer) <= width) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = word;
  }
  return [...lines, line];
}

function piecesOf(word: string, width: number): string[] {
  if (columnsOf(word) <= width) return [word];
  const pieces: string[] = [];
  let piece = '';
  for (const character of word) {
    if (piece !== '' && columnsOf(piece + character) > width) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  return [...pieces, piece];
}
