import type { CardContext } from './card-context.ts';
import { PADDING_PX } from './card-title.ts';
import type { TextProperties } from './dashboard-body.ts';
import { type Block, parseMarkdown, type Span } from './markdown.ts';
import { CODE_FONTS, PALETTE } from './palette.ts';
import { element, escapeXml } from './svg.ts';
import { textWidth } from './text-width.ts';

interface Line {
  readonly spans: readonly Span[];
  readonly size: number;
  readonly bold: boolean;
  readonly indentPx: number;
  /** Before the text of the line, in its indent. */
  readonly sign?: string;
  /** The space before this line, in addition to its own height. */
  readonly gapPx: number;
}

const TEXT_PX = 15;
const HEADING_PX = [22, 18, 16];
const LINE_HEIGHT = 1.38;
const INDENT_PX = 20;
const SIGN_PX = 15;

/** A text widget: Markdown, wrapped at words. */
export function textCard({ markdown, background }: TextProperties, { width }: CardContext): string {
  const padding = background === 'transparent' ? 0 : PADDING_PX;
  const lines = parseMarkdown(markdown).flatMap((block, index) =>
    linesOf(block, width - 2 * padding, index === 0),
  );
  let y = background === 'transparent' ? 4 : PADDING_PX - 3;
  return lines
    .map((line) => {
      y += line.gapPx + line.size * LINE_HEIGHT;
      return lineSvg(line, padding, y - line.size * (LINE_HEIGHT - 1));
    })
    .join('');
}

function linesOf(block: Block, widthPx: number, isFirst: boolean): readonly Line[] {
  const gap = (px: number) => (isFirst ? 0 : px);
  const plain = { size: TEXT_PX, bold: false, indentPx: 0 };
  switch (block.kind) {
    case 'heading': {
      const size = HEADING_PX[block.level - 1] ?? TEXT_PX;
      return wrapped(block.spans, widthPx, { ...plain, size, bold: true, gapPx: gap(9) });
    }
    case 'paragraph':
      return wrapped(block.spans, widthPx, { ...plain, gapPx: gap(6) });
    case 'item': {
      const indentPx = SIGN_PX + block.depth * INDENT_PX + (block.sign === '•' ? 0 : 6);
      return wrapped(block.spans, widthPx, { ...plain, indentPx, sign: block.sign, gapPx: gap(3) });
    }
    case 'code':
      return block.lines.map((text, index) => ({
        ...plain,
        indentPx: INDENT_PX,
        spans: [{ text, look: 'code' }],
        gapPx: index === 0 ? gap(6) : 0,
      }));
  }
}

/** Breaks between words, of which a span may have several; only the first line has the sign and the gap. */
function wrapped(spans: readonly Span[], widthPx: number, first: Omit<Line, 'spans'>): readonly Line[] {
  const words = spans.flatMap(({ text, look }) =>
    text.split(/(?<=\s)/).map((word) => ({ text: word, look })),
  );
  const lines: Span[][] = [[]];
  let usedPx = first.indentPx;
  for (const word of words) {
    const wordPx = textWidth(word.text.trimEnd(), fontOf(word, first));
    if (usedPx + wordPx > widthPx && usedPx > first.indentPx) {
      lines.push([]);
      usedPx = first.indentPx;
    }
    lines.at(-1)?.push(word);
    usedPx += textWidth(word.text, fontOf(word, first));
  }
  const { sign: _, ...others } = { ...first, gapPx: 0 };
  return lines.map((line, index) => ({ ...(index === 0 ? first : others), spans: merged(line) }));
}

/** Merges adjacent words with the same look into one span. */
function merged(words: readonly Span[]): readonly Span[] {
  const spans: Span[] = [];
  for (const word of words) {
    const last = spans.at(-1);
    if (last?.look === word.look) spans[spans.length - 1] = { ...last, text: last.text + word.text };
    else spans.push(word);
  }
  return spans;
}

function fontOf({ look }: Span, { size, bold }: Pick<Line, 'size' | 'bold'>) {
  return {
    size: look === 'code' ? size - 1 : size,
    bold: bold || look === 'bold',
    monospace: look === 'code',
  };
}

/** The reader's fonts place one span after the other: their widths are unknown here. */
function lineSvg(line: Line, paddingPx: number, y: number): string {
  const { size, bold, sign } = line;
  const x = paddingPx + line.indentPx;
  const weight = bold ? 'bold' : undefined;
  const signX = x - SIGN_PX - (sign === '•' ? 0 : 6);
  return [
    ...(sign === undefined ? [] : [element('text', { x: signX, y, 'font-size': size }, sign)]),
    element(
      'text',
      { x, y, 'font-size': size, 'font-weight': weight, 'xml:space': 'preserve' },
      ...line.spans.map((span) => spanSvg(span, size)),
    ),
  ].join('');
}

function spanSvg({ text, look }: Span, size: number): string {
  const content = escapeXml(text);
  switch (look) {
    case 'plain':
      return element('tspan', {}, content);
    case 'bold':
      return element('tspan', { 'font-weight': 'bold' }, content);
    case 'italic':
      return element('tspan', { 'font-style': 'italic' }, content);
    case 'link':
      return element('tspan', { fill: PALETTE.link }, content);
    case 'code':
      return element(
        'tspan',
        { 'font-family': CODE_FONTS, 'font-size': size - 1, fill: PALETTE.code },
        content,
      );
  }
}
