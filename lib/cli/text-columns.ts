import type { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';

/** The columns of a terminal that text takes: colours take none, emoji and Chinese characters take two. */
export function columnsOf(text: string): number {
  return stringWidth(text);
}

/** Cuts text that is wider, with an ellipsis in its last column. Text that is cut loses its colours. */
export function fitColumns(text: string, width: number): string {
  if (columnsOf(text) <= width) return text;
  let fitted = '';
  for (const { segment } of GRAPHEMES.segment(stripVTControlCharacters(text))) {
    if (columnsOf(fitted + segment) > width - 1) break;
    fitted += segment;
  }
  return width > 0 ? `${fitted}…` : '';
}

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Fills up with blanks on the right, or cuts. */
export function padColumns(text: string, width: number): string {
  const fitted = fitColumns(text, width);
  return fitted + ' '.repeat(Math.max(0, width - columnsOf(fitted)));
}

/** Wraps a text between words at the width; a longer word gets its own line. */
export function wrapWords(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && columnsOf(last) + 1 + columnsOf(word) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** A stream that may be a terminal. */
export type TerminalStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** The width of the terminal; COLUMNS sets another. Undefined for a pipe, whose lines may have any length. */
export function terminalColumns(
  { isTTY, columns }: TerminalStream,
  env: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const chosen = /^[1-9]\d{0,4}$/.test(env.COLUMNS ?? '') ? Number(env.COLUMNS) : undefined;
  return chosen ?? (isTTY === true ? columns || 80 : undefined);
}
