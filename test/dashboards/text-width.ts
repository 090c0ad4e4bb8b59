/** Advance widths of Helvetica, in thousandths of the font's size. Other system fonts are close to it. */
const ADVANCES: readonly (readonly [characters: string, advance: number])[] = [
  ["ijl'|", 222],
  [' ftI.,:;!/\\()[]r-`', 300],
  ['csvxyzkJ', 500],
  ['abdeghnopqu0123456789_?$#L', 556],
  ['ABEKPSVXYFTZ+=<>~', 650],
  ['CDGHNORQUw&', 740],
  ['mMW%@', 890],
];

/** A character that is not in the table is likely a wide one. */
const UNKNOWN = 700;

/** The reader's font may be wider than Helvetica; bold characters are anyway. */
const MARGIN = 1.06;
const BOLD = 1.07;
const MONOSPACE_ADVANCE = 602;

const advanceOf = new Map(
  ADVANCES.flatMap(([characters, advance]) => [...characters].map((character) => [character, advance])),
);

export interface Font {
  readonly size: number;
  readonly bold?: boolean;
  readonly monospace?: boolean;
}

/** The approximate width of a text, in pixels: there is no font here to measure with. */
export function textWidth(content: string, { size, bold = false, monospace = false }: Font): number {
  const thousandths = [...content].reduce(
    (sum, character) => sum + (monospace ? MONOSPACE_ADVANCE : (advanceOf.get(character) ?? UNKNOWN)),
    0,
  );
  return (thousandths / 1000) * size * MARGIN * (bold ? BOLD : 1);
}

/** The text, truncated with an ellipsis if it would be wider. */
export function fitted(content: string, widthPx: number, font: Font): string {
  if (textWidth(content, font) <= widthPx) return content;
  const characters = [...content];
  while (characters.length > 0 && textWidth(`${characters.join('')}…`, font) > widthPx) characters.pop();
  return `${characters.join('').trimEnd()}…`;
}
