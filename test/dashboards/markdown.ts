/** A run of text in one look. */
export interface Span {
  readonly text: string;
  readonly look: 'plain' | 'bold' | 'italic' | 'code' | 'link';
}

export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly spans: readonly Span[] }
  | { readonly kind: 'paragraph'; readonly spans: readonly Span[] }
  | {
      readonly kind: 'item';
      readonly depth: number;
      /** The number of a numbered item, or a bullet. */
      readonly sign: string;
      readonly spans: readonly Span[];
    }
  | { readonly kind: 'code'; readonly lines: readonly string[] };

const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^(\s*)(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const FENCE = /^\s*```/;

/**
 * The supported part of Markdown in text widgets: headings, paragraphs, lists and fenced code; in them bold,
 * italic, code and links. The rest is kept as plain text.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_remove_text_dashboard.html
 */
export function parseMarkdown(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split(/\r?\n/);
  for (let index = 0; index < lines.length; ) {
    const parsed = blockAt(lines, index);
    if (parsed.block !== undefined) blocks.push(parsed.block);
    index += parsed.lines;
  }
  return blocks;
}

interface ParsedBlock {
  readonly block?: Block;
  readonly lines: number;
}

function blockAt(lines: readonly string[], index: number): ParsedBlock {
  const line = lines[index] ?? '';
  if (line.trim() === '') return { lines: 1 };
  if (FENCE.test(line)) return codeAt(lines, index);
  const heading = HEADING.exec(line);
  if (heading !== null) {
    const [, signs = '', content = ''] = heading;
    return { block: { kind: 'heading', level: signs.length, spans: parseSpans(content) }, lines: 1 };
  }
  const item = ITEM.exec(line);
  const rest = continuationAt(lines, index + 1);
  const joined = (first: string) => parseSpans([first, ...rest].map((part) => part.trim()).join(' '));
  if (item === null) return { block: { kind: 'paragraph', spans: joined(line) }, lines: 1 + rest.length };
  const [, indent = '', number, content = ''] = item;
  const sign = number === undefined ? '•' : `${number}.`;
  const depth = Math.floor(indent.length / 2);
  return { block: { kind: 'item', depth, sign, spans: joined(content) }, lines: 1 + rest.length };
}

/** A block continues until an empty line or the start of another one. */
function continuationAt(lines: readonly string[], start: number): readonly string[] {
  const isEnd = (line: string) =>
    line.trim() === '' || HEADING.test(line) || ITEM.test(line) || FENCE.test(line);
  const end = lines.findIndex((line, index) => index >= start && isEnd(line));
  return lines.slice(start, end === -1 ? lines.length : end);
}

/** Unclosed code continues to the end. */
function codeAt(lines: readonly string[], index: number): ParsedBlock {
  const close = lines.findIndex((line, at) => at > index && FENCE.test(line));
  const end = close === -1 ? lines.length : close;
  return { block: { kind: 'code', lines: lines.slice(index + 1, end) }, lines: end - index + 1 };
}

/** Only the text of a link remains: a picture has no links. The console makes `[button:…](…)` a button. */
const SPAN =
  /`([^`]+)`|\*\*(.+?)\*\*|__(.+?)__|\*([^*\s][^*]*)\*|\[(?:button:(?:primary:)?)?([^\]]+)\]\([^)\s]*\)/g;

function parseSpans(content: string): readonly Span[] {
  const spans: Span[] = [];
  const add = (text: string, look: Span['look']) => {
    if (text !== '') spans.push({ text, look });
  };
  let end = 0;
  for (const match of content.matchAll(SPAN)) {
    const [whole, code, bold, underlined, italic, link] = match;
    add(content.slice(end, match.index), 'plain');
    add(code ?? '', 'code');
    add(bold ?? underlined ?? '', 'bold');
    add(italic ?? '', 'italic');
    add(link ?? '', 'link');
    end = match.index + whole.length;
  }
  add(content.slice(end), 'plain');
  return spans;
}
