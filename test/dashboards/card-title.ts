import { PALETTE } from './palette.ts';
import { text } from './svg.ts';
import { fitted } from './text-width.ts';

/** Between the frame of a card and its content. */
export const PADDING_PX = 14;

const SIZE_PX = 16;
const HEIGHT_PX = 38;

export interface CardTitle {
  readonly svg: string;
  /** Where the rest of the card begins. */
  readonly bottomPx: number;
}

/** Without a title, the content of a card gets its room. */
export function cardTitle(title: string, widthPx: number): CardTitle {
  if (title === '') return { svg: '', bottomPx: PADDING_PX };
  const font = { size: SIZE_PX, bold: true };
  const content = fitted(title, widthPx - 2 * PADDING_PX, font);
  const place = { x: PADDING_PX, y: 26, size: SIZE_PX, 'font-weight': 'bold', fill: PALETTE.ink };
  return { svg: text(content, place), bottomPx: HEIGHT_PX };
}
