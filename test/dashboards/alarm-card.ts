import type { AlarmState } from '../support/cloudwatch/alarm-state.ts';
import type { CardContext } from './card-context.ts';
import { cardTitle, PADDING_PX } from './card-title.ts';
import type { AlarmProperties } from './dashboard-body.ts';
import { PALETTE } from './palette.ts';
import { element, text } from './svg.ts';
import { fitted, textWidth } from './text-width.ts';

const FONT = { size: 14 };
const GAP_PX = 8;
const TILE_PX = 34;
const LEAST_TILE_WIDTH_PX = 180;
const BAR_PX = 6;
const TEXT_X = 34;

/** Each state also has a sign, for readers who cannot distinguish red from green. */
const LOOKS: Readonly<Record<AlarmState, { ink: string; fill: string; sign: string }>> = {
  OK: { ink: PALETTE.ok, fill: PALETTE.okFill, sign: 'M-4.5 0.5L-1.5 3.5L4.5 -3.5' },
  ALARM: { ink: PALETTE.alarm, fill: PALETTE.alarmFill, sign: 'M0 -5V1M0 4V4.6' },
  INSUFFICIENT_DATA: { ink: PALETTE.unknown, fill: PALETTE.unknownFill, sign: 'M-4 0H4' },
};

/** A tile for each alarm, in the colour of its state. */
export function alarmCard({ title, alarms }: AlarmProperties, context: CardContext): string {
  const names = alarms.map(nameOf);
  const { svg, bottomPx } = cardTitle(title, context.width);
  const room = { width: context.width - 2 * PADDING_PX, height: context.height - bottomPx - PADDING_PX };
  const columns = columnsFor(names.length, room);
  const rows = Math.max(1, Math.ceil(names.length / columns));
  const width = (room.width - (columns - 1) * GAP_PX) / columns;
  const height = Math.min(TILE_PX, (room.height - (rows - 1) * GAP_PX) / rows);
  const shortened = shorten(names, width - TEXT_X - GAP_PX);
  const tiles = names.map((name, index) => {
    const x = PADDING_PX + (index % columns) * (width + GAP_PX);
    const y = bottomPx + Math.floor(index / columns) * (height + GAP_PX);
    const state = context.alarmStates[name] ?? 'INSUFFICIENT_DATA';
    return tile(shortened[index] ?? name, state, { x, y, width, height });
  });
  return [svg, ...tiles].join('');
}

/** The console shows the name, which is the end of the ARN; it may contain colons itself. */
function nameOf(arn: string): string {
  return arn.split(':alarm:').slice(1).join(':alarm:') || arn;
}

/** As few columns as fit all alarms at full height, if there is room. */
function columnsFor(count: number, { width, height }: { width: number; height: number }): number {
  const rowsThatFit = Math.max(1, Math.floor((height + GAP_PX) / (TILE_PX + GAP_PX)));
  const most = Math.max(1, Math.floor((width + GAP_PX) / (LEAST_TILE_WIDTH_PX + GAP_PX)));
  return Math.min(most, Math.max(1, Math.ceil(count / rowsThatFit)));
}

/** The common start of all names is omitted if one of them would not fit. */
function shorten(names: readonly string[], widthPx: number): readonly string[] {
  if (names.every((name) => textWidth(name, FONT) <= widthPx)) return names;
  const common = commonStart(names);
  return names.map((name) => fitted(name.slice(common.length), widthPx, FONT));
}

/** Up to the last common dash, because a part of a word is meaningless. */
function commonStart(names: readonly string[]): string {
  const [first = '', ...others] = names;
  if (others.length === 0) return '';
  const words = first.split('-');
  let start = '';
  for (const word of words) {
    const longer = `${start}${word}-`;
    if (!others.every((name) => name.startsWith(longer))) break;
    start = longer;
  }
  return start;
}

function tile(
  name: string,
  state: AlarmState,
  { x, y, width, height }: Record<'x' | 'y' | 'width' | 'height', number>,
): string {
  const { ink, fill, sign } = LOOKS[state];
  const middle = y + height / 2;
  return [
    element('rect', { x, y, width, height, rx: 4, fill, stroke: ink, 'stroke-opacity': 0.35 }),
    element('path', {
      d: `M${x + 2} ${y}h${BAR_PX - 2}v${height}h-${BAR_PX - 2}a2 2 0 0 1 -2 -2v-${height - 4}a2 2 0 0 1 2 -2z`,
      fill: ink,
    }),
    element('circle', { cx: x + 20, cy: middle, r: 8.5, fill: ink }),
    element('path', {
      d: sign,
      transform: `translate(${x + 20} ${middle})`,
      fill: 'none',
      stroke: PALETTE.card,
      'stroke-width': 2.2,
      'stroke-linecap': 'round',
    }),
    text(name, { x: x + TEXT_X, y: middle + 5, size: FONT.size, fill: PALETTE.ink }),
  ].join('');
}
