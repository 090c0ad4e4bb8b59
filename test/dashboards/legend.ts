import { PADDING_PX } from './card-title.ts';
import { CHART_FONT, PALETTE } from './palette.ts';
import { element, text } from './svg.ts';
import { fitted, textWidth } from './text-width.ts';

export interface LegendEntry {
  readonly label: string;
  readonly colour: string;
}

export interface Legend {
  /** Its top is at 0. */
  readonly svg: string;
  readonly heightPx: number;
}

const LINE_PX = 20;
const SWATCH_PX = 12;
const SWATCH_GAP_PX = 6;
const ENTRY_GAP_PX = 16;

/** The names of the series below their chart, in as many lines as they need. */
export function legend(entries: readonly LegendEntry[], widthPx: number): Legend {
  const room = widthPx - 2 * PADDING_PX;
  let [x, line] = [0, 0];
  const parts = entries.map(({ label, colour }) => {
    const shown = fitted(label, room - SWATCH_PX - SWATCH_GAP_PX, CHART_FONT);
    const width = SWATCH_PX + SWATCH_GAP_PX + textWidth(shown, CHART_FONT);
    if (x > 0 && x + width > room) [x, line] = [0, line + 1];
    const part = entry(shown, colour, PADDING_PX + x, line * LINE_PX);
    x += width + ENTRY_GAP_PX;
    return part;
  });
  return { svg: parts.join(''), heightPx: entries.length === 0 ? 0 : (line + 1) * LINE_PX };
}

function entry(label: string, colour: string, x: number, y: number): string {
  return [
    element('rect', { x, y: y + 4, width: SWATCH_PX, height: SWATCH_PX, rx: 2, fill: colour }),
    text(label, { x: x + SWATCH_PX + SWATCH_GAP_PX, y: y + 15, size: CHART_FONT.size, fill: PALETTE.quiet }),
  ].join('');
}
