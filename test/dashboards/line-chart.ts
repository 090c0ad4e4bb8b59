import type { EChartsOption } from 'echarts';
import { timeMarks } from './axis-scale.ts';
import { PADDING_PX } from './card-title.ts';
import { hasData } from './drawn-series.ts';
import { echartsSvg } from './echarts-svg.ts';
import { valueText } from './format-value.ts';
import { type Legend, legend } from './legend.ts';
import { layerSeries, lineSeries } from './line-series.ts';
import { CHART_FONT, PALETTE } from './palette.ts';
import { stackedSeries } from './stacked-series.ts';
import { element, text } from './svg.ts';
import { thresholdLines } from './threshold-lines.ts';
import { type ValueAxis, valueAxis } from './value-axis.ts';
import type { ViewContext } from './view-context.ts';

const AXIS_NAME_PX = 22;
/** Of the time axis: about as many pixels between its marks. */
const MARK_PX = 88;
const CLOCK_PX = 26;
/** Room for half a label at the end of the axis. */
const LEAST_RIGHT_PX = 10;

/** Lines or stacked areas over time, with thresholds across and the names of the series below. */
export function lineChart(view: ViewContext): string {
  const { width, height, idPrefix } = view.context;
  const names = legendOf(view);
  const heightPx = height - names.heightPx - (names.heightPx === 0 ? 4 : 10);
  const axes = (['left', 'right'] as const).map((side) => valueAxis(side, { ...view, heightPx }));
  return [
    echartsSvg(chartOption(view, axes, heightPx), { width, height: heightPx }, idPrefix),
    view.series.some(hasData) ? '' : noData(width, heightPx),
    ...axes.map((axis) => axisName(axis, width)),
    element('g', { transform: `translate(0 ${heightPx})` }, names.svg),
  ].join('');
}

/** Series without data are not named next to those with data, although the console lists them. */
function legendOf({ series, properties, context }: ViewContext): Legend {
  if (properties.legend.position === 'hidden') return legend([], context.width);
  const seen = series.filter(hasData);
  if (seen.length === 0)
    return legend(
      series.map(({ label }) => ({ label, colour: PALETTE.grid })),
      context.width,
    );
  const unseen = series.length - seen.length;
  const rest = unseen === 0 ? [] : [{ label: `${unseen} without data`, colour: PALETTE.grid }];
  return legend([...seen, ...rest], context.width);
}

/** An empty graph may be good news, but must not look broken. */
function noData(width: number, height: number): string {
  const place = { x: width / 2, y: height / 2, 'text-anchor': 'middle' };
  return text('no data in this time', { ...place, size: CHART_FONT.size, fill: PALETTE.axis });
}

function axisName({ label, side }: ValueAxis, width: number): string {
  if (label === '') return '';
  const place = side === 'left' ? { x: PADDING_PX } : { x: width - PADDING_PX, 'text-anchor': 'end' };
  return text(label, { ...place, y: 13, size: CHART_FONT.size, fill: PALETTE.quiet });
}

function chartOption(
  { series, properties, context }: ViewContext,
  axes: readonly ValueAxis[],
  height: number,
): EChartsOption {
  const [left = 0, right = 0] = axes.map(({ widthPx }) => widthPx);
  const top = axes.some(({ label }) => label !== '') ? AXIS_NAME_PX + 4 : 10;
  const lines = properties.stacked ? stackedSeries(series).map(layerSeries) : series.map(lineSeries);
  return {
    grid: {
      left: PADDING_PX + left,
      right: PADDING_PX + Math.max(right, LEAST_RIGHT_PX),
      top,
      bottom: CLOCK_PX,
      outerBoundsMode: 'none',
    },
    xAxis: timeAxis(context),
    yAxis: axes.map(({ side, scale, shown, unit }) => ({
      type: 'value' as const,
      position: side,
      show: shown,
      ...scale,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...LABEL, formatter: (value: number) => valueText(value, unit) },
      splitLine: { show: side === 'left', lineStyle: { color: PALETTE.grid } },
    })),
    series: [...lines, ...axes.map((axis) => thresholdLines(axis, height - top - CLOCK_PX))],
  };
}

const LABEL = { fontSize: CHART_FONT.size, color: PALETTE.quiet };

function timeAxis({ fromMs, toMs, width }: ViewContext['context']) {
  const marks = [...timeMarks(fromMs, toMs, Math.max(2, Math.floor(width / MARK_PX)))];
  return {
    type: 'time' as const,
    min: fromMs,
    max: toMs,
    axisLine: { onZero: false, lineStyle: { color: PALETTE.axis } },
    axisTick: { customValues: marks, lineStyle: { color: PALETTE.axis } },
    axisLabel: { ...LABEL, customValues: marks, formatter: clock, showMinLabel: true, showMaxLabel: true },
    splitLine: { show: false },
  };
}

/** UTC, as in the title of the dashboard. */
function clock(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 16);
}
