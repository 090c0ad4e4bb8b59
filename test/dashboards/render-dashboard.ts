import { alarmCard } from './alarm-card.ts';
import type { CardContext, DashboardContext } from './card-context.ts';
import { readDashboardBody, type Widget } from './dashboard-body.ts';
import { metricCard } from './metric-card.ts';
import { FONTS, PALETTE } from './palette.ts';
import { element, text } from './svg.ts';
import { textCard } from './text-card.ts';

export interface DashboardPicture extends Omit<DashboardContext, 'alarmStates'> {
  readonly title: string;
  /** `DashboardBody` of AWS::CloudWatch::Dashboard, parsed from its JSON. */
  readonly body: unknown;
  readonly alarmStates?: DashboardContext['alarmStates'];
  /** The note below the picture, in one or more lines. */
  readonly note: string;
}

const COLUMNS = 24;
const WIDTH_PX = 1400;
const MARGIN_PX = 20;
const GAP_PX = 10;
const ROW_PX = 54;
const HEADER_PX = 62;
const NOTE_LINE_PX = 22;
const NOTE_PADDING_PX = 12;
const COLUMN_PX = (WIDTH_PX - 2 * MARGIN_PX + GAP_PX) / COLUMNS;

/**
 * A CloudWatch dashboard as one self-contained SVG: no script, no font, no other file. The same input gives
 * the same bytes.
 *
 * @throws Error that names what is not supported here, in the body or in a metric
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function renderDashboard({
  title,
  body,
  note,
  alarmStates = {},
  ...context
}: DashboardPicture): string {
  const widgets = readDashboardBody(body);
  const rows = Math.max(0, ...widgets.map(({ y, height }) => y + height));
  const bottom = HEADER_PX + rows * ROW_PX;
  const notes = note.split('\n');
  const height = bottom + notes.length * NOTE_LINE_PX + NOTE_PADDING_PX;
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${WIDTH_PX} ${height}`,
      width: WIDTH_PX,
      height,
      role: 'img',
      'aria-label': `${title}: ${notes.join(' ')}`,
      'font-family': FONTS,
      fill: PALETTE.ink,
    },
    element('rect', { width: WIDTH_PX, height, fill: PALETTE.page }),
    header(title, context.fromMs, context.toMs),
    ...widgets.map((widget, index) => card(widget, { ...context, alarmStates, idPrefix: `w${index}` })),
    ...notes.map((line, index) =>
      text(line, { x: MARGIN_PX, y: bottom + 18 + index * NOTE_LINE_PX, size: 15, fill: PALETTE.quiet }),
    ),
  );
}

function header(title: string, fromMs: number, toMs: number): string {
  return [
    text(title, { x: MARGIN_PX, y: 40, size: 24, 'font-weight': 'bold' }),
    text(spanOf(fromMs, toMs), {
      x: WIDTH_PX - MARGIN_PX,
      y: 39,
      size: 16,
      fill: PALETTE.quiet,
      'text-anchor': 'end',
    }),
  ].join('');
}

/** The day is shown once if both ends are on the same one. */
function spanOf(fromMs: number, toMs: number): string {
  const [from, to] = [fromMs, toMs].map((atMs) =>
    new Date(atMs).toISOString().slice(0, 16).replace('T', ' '),
  );
  const day = from?.slice(0, 10);
  return `${from} – ${day !== undefined && to?.startsWith(day) ? to.slice(11) : to} UTC`;
}

/** The widget at its place in the grid; what does not fit into it is cut off. */
function card(widget: Widget, context: Omit<CardContext, 'width' | 'height'>): string {
  const size = { width: widget.width * COLUMN_PX - GAP_PX, height: widget.height * ROW_PX - GAP_PX };
  const transparent = widget.type === 'text' && widget.properties.background === 'transparent';
  return element(
    'svg',
    { x: MARGIN_PX + widget.x * COLUMN_PX, y: HEADER_PX + widget.y * ROW_PX, ...size },
    ...(transparent ? [] : [frame(size)]),
    content(widget, { ...context, ...size }),
  );
}

function frame({ width, height }: { width: number; height: number }): string {
  const inside = { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 8 };
  return element('rect', { ...inside, fill: PALETTE.card, stroke: PALETTE.border });
}

function content(widget: Widget, context: CardContext): string {
  switch (widget.type) {
    case 'text':
      return textCard(widget.properties, context);
    case 'metric':
      return metricCard(widget.properties, context);
    case 'alarm':
      return alarmCard(widget.properties, context);
  }
}
