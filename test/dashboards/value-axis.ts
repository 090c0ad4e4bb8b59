import { type AxisScale, axisScale } from './axis-scale.ts';
import type { MetricProperties } from './dashboard-body.ts';
import { type DrawnSeries, hasData, knownPoints } from './drawn-series.ts';
import { type ValueUnit, valueText } from './format-value.ts';
import { CHART_FONT } from './palette.ts';
import { stackTops } from './stacked-series.ts';
import { textWidth } from './text-width.ts';

export type Side = 'left' | 'right';
export type Threshold = MetricProperties['annotations']['horizontal'][number];

export interface ValueAxis {
  readonly side: Side;
  readonly scale: AxisScale;
  readonly unit: ValueUnit;
  readonly thresholds: readonly Threshold[];
  /** Whether any series or threshold uses it. */
  readonly shown: boolean;
  /** The label in the widget; empty if that is only the unit, which the numbers show. */
  readonly label: string;
  /** The width of its numbers. */
  readonly widthPx: number;
}

/** Of the grid: about as many pixels between its lines. */
const LINE_PX = 44;
const LABEL_GAP_PX = 8;
const UNIT_NAME = /^(?:seconds|milliseconds|ms|days|bytes|percent|%)$/i;

/** The axis of one side, in the unit of its first series; thresholds are always visible. */
export function valueAxis(
  side: Side,
  {
    series,
    properties,
    heightPx,
  }: {
    series: readonly DrawnSeries[];
    properties: MetricProperties;
    heightPx: number;
  },
): ValueAxis {
  const own = series.filter(({ axis }) => axis === side);
  const unit = (own.find(hasData) ?? own[0])?.unit ?? 'None';
  const { label = '', min, max } = properties.yAxis[side] ?? {};
  const thresholds = properties.annotations.horizontal.filter(
    ({ yAxis, visible }) => visible && yAxis === side,
  );
  const values = properties.stacked ? stackTops(own) : own.flatMap(knownPoints);
  const lines = Math.max(2, Math.floor(heightPx / LINE_PX));
  const scale = axisScale([...values, ...thresholds.map(({ value }) => value)], unit, { min, max, lines });
  const shown = own.length > 0 || thresholds.length > 0 || side === 'left';
  const widths = ticksOf(scale).map((tick) => textWidth(valueText(tick, unit), CHART_FONT));
  const widthPx = shown ? Math.max(...widths) + LABEL_GAP_PX : 0;
  return {
    side,
    scale,
    unit,
    thresholds,
    shown,
    label: shown && !UNIT_NAME.test(label) ? label : '',
    widthPx,
  };
}

function ticksOf({ min, max, interval }: AxisScale): readonly number[] {
  const count = Math.floor((max - min) / interval + 1e-9) + 1;
  return Array.from({ length: count }, (_, index) => min + index * interval);
}
