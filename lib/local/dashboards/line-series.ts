import type { LineSeriesOption } from 'echarts';
import type { DrawnSeries } from './drawn-series.ts';
import { valueText } from './format-value.ts';
import { CHART_FONT, PALETTE } from './palette.ts';
import type { ValueAxis } from './value-axis.ts';

const LINE_PX = 2;
const DOT_PX = 6;

/** A metric as a line, or as a layer of the stack of its side. Where there is no data there is no line. */
export function lineSeries(
  { label, colour, axis, points, startsMs, periodMs }: DrawnSeries,
  stacked: boolean,
): LineSeriesOption {
  return {
    type: 'line',
    name: label,
    yAxisIndex: axis === 'left' ? 0 : 1,
    color: colour,
    lineStyle: { width: stacked ? LINE_PX / 2 : LINE_PX },
    symbol: 'circle',
    showAllSymbol: true,
    connectNulls: false,
    data: points.map((point, index) => ({
      value: [startsMs + index * periodMs, point ?? '-'],
      symbolSize: standsAlone(points, index) ? DOT_PX : 0,
      itemStyle: { color: colour, borderWidth: 0 },
    })),
    ...(stacked ? { stack: axis, areaStyle: { color: colour, opacity: 0.6 } } : {}),
  };
}

/** Whether a point has no neighbour that a line could go to: it would not be seen. */
function standsAlone(points: DrawnSeries['points'], index: number): boolean {
  const neighbours = [points[index - 1], points[index + 1]];
  return points[index] !== undefined && neighbours.every((neighbour) => neighbour === undefined);
}

/** The lines at which something happens, each with its name on it; a series without points carries them. */
export function thresholdLines({ side, thresholds, unit }: ValueAxis): LineSeriesOption {
  return {
    type: 'line',
    yAxisIndex: side === 'left' ? 0 : 1,
    data: [],
    markLine: {
      silent: true,
      symbol: 'none',
      data: thresholds.map(({ value, label, color = PALETTE.threshold }) => ({
        yAxis: value,
        lineStyle: { color, width: 1.5, type: 'dashed' },
        label: {
          formatter: label === '' ? valueText(value, unit) : label,
          position: side === 'left' ? 'insideStartTop' : 'insideEndTop',
          fontSize: CHART_FONT.size,
          color,
        },
      })),
    },
  };
}
