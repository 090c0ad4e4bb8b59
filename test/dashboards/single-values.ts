import { PADDING_PX } from './card-title.ts';
import { type DrawnSeries, latestPoint } from './drawn-series.ts';
import { type FormattedValue, formatValue } from './format-value.ts';
import { PALETTE } from './palette.ts';
import { sparkline } from './sparkline.ts';
import { element, escapeXml, text } from './svg.ts';
import { fitted, textWidth } from './text-width.ts';
import type { ViewContext } from './view-context.ts';

interface Cell {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const LEAST_CELL_PX = 130;
const LABEL_PX = 14.5;
const UNIT_SHARE = 0.5;
const MOST_NUMBER_PX = 54;
const LABEL_LINE_PX = 24;
/** Of the room above the label. */
const HEIGHT_SHARE = 0.75;
const NEIGHBOUR_GAP_PX = 24;
const SPARKLINE_LEAST_PX = 24;
/** The height of a digit, as a share of the font size. */
const DIGIT_HEIGHT = 0.8;

/** Big numbers side by side, each the latest of its series, like the console's number widget. */
export function singleValues({ series, properties, context }: ViewContext): string {
  const cells = cellsFor(series.length, {
    width: context.width - 2 * PADDING_PX,
    height: context.height - PADDING_PX + 2,
  });
  const size = Math.min(MOST_NUMBER_PX, ...series.map((one, index) => fittingSize(one, cells[index])));
  return series
    .map((one, index) => {
      const cell = cells[index];
      return cell === undefined ? '' : valueIn(one, cell, size, properties.sparkline);
    })
    .join('');
}

/** As many in a row as fit, with equal width. */
function cellsFor(count: number, { width, height }: { width: number; height: number }): readonly Cell[] {
  const perRow = Math.max(1, Math.min(count, Math.floor(width / LEAST_CELL_PX)));
  const rows = Math.max(1, Math.ceil(count / perRow));
  const size = { width: width / perRow, height: height / rows };
  return Array.from({ length: count }, (_, index) => ({
    x: PADDING_PX + (index % perRow) * size.width,
    y: Math.floor(index / perRow) * size.height,
    ...size,
  }));
}

function valueIn(
  series: DrawnSeries,
  { x, y, width, height }: Cell,
  size: number,
  withSparkline: boolean,
): string {
  const free = height - LABEL_LINE_PX - size;
  const spark = withSparkline && free >= SPARKLINE_LEAST_PX;
  const top = spark ? 0 : Math.max(0, free / 2 - 4);
  const baseline = y + top + size * DIGIT_HEIGHT + 2;
  const label = fitted(withoutUnit(series.label), width - 22, { size: LABEL_PX });
  return [
    number(series, { x, y: baseline, size }),
    element('circle', { cx: x + 5, cy: baseline + LABEL_LINE_PX - 6, r: 5, fill: series.colour }),
    text(label, { x: x + 16, y: baseline + LABEL_LINE_PX - 1, size: LABEL_PX, fill: PALETTE.quiet }),
    spark
      ? sparkline(series, { x, y: baseline + LABEL_LINE_PX + 8, width: width - 12, height: free - 10 })
      : '',
  ].join('');
}

/** The unit is next to the number. */
function withoutUnit(label: string): string {
  return label.replace(/, (?:s|%|ms)$/, '');
}

function number(series: DrawnSeries, { x, y, size }: { x: number; y: number; size: number }): string {
  const { number: digits, unit } = shownOf(series);
  const small = element(
    'tspan',
    { 'font-size': size * UNIT_SHARE, 'font-weight': 'normal', fill: PALETTE.quiet },
    escapeXml(unit === '' ? '' : ` ${unit}`),
  );
  const style = { 'font-size': size, 'font-weight': 'bold', 'xml:space': 'preserve' };
  return element('text', { x, y, ...style }, escapeXml(digits), ...(unit === '' ? [] : [small]));
}

/** The console shows two dashes without data. */
function shownOf(series: DrawnSeries): FormattedValue {
  const latest = latestPoint(series);
  return latest === undefined ? { number: '--', unit: '' } : formatValue(latest, series.unit);
}

/** One size for all numbers of a card, because a smaller one would look less important. */
function fittingSize(series: DrawnSeries, cell: Cell | undefined): number {
  if (cell === undefined) return MOST_NUMBER_PX;
  const { number: digits, unit } = shownOf(series);
  const atOne = textWidth(digits, { size: 1, bold: true }) + textWidth(` ${unit}`, { size: UNIT_SHARE });
  return Math.min((cell.height - LABEL_LINE_PX) * HEIGHT_SHARE, (cell.width - NEIGHBOUR_GAP_PX) / atOne);
}
