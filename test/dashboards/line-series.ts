import type { LineSeriesOption } from 'echarts';
import type { DrawnSeries } from './drawn-series.ts';

const LINE_PX = 2;
const DOT_PX = 6;

/** A metric as a line, with gaps where it has no data. */
export function lineSeries(series: DrawnSeries): LineSeriesOption {
  return {
    ...pathOf(series, (index) => standsAlone(series.points, index)),
    lineStyle: { width: LINE_PX },
  };
}

/** A metric as a layer of the stack of its side; its edges are those of its area. */
export function layerSeries(series: DrawnSeries): LineSeriesOption {
  const { points, colour, axis } = series;
  return {
    ...pathOf(series, (index) => points[index] !== 0 && standsAlone(points, index)),
    lineStyle: { width: 0 },
    areaStyle: { color: colour, opacity: 0.75 },
    stack: axis,
  };
}

function pathOf(
  { label, colour, axis, points, startsMs, periodMs }: DrawnSeries,
  hasDot: (index: number) => boolean,
): LineSeriesOption {
  return {
    type: 'line',
    name: label,
    yAxisIndex: axis === 'left' ? 0 : 1,
    color: colour,
    symbolSize: DOT_PX,
    showAllSymbol: true,
    connectNulls: false,
    data: points.map((point, index) => ({
      value: [startsMs + index * periodMs, point ?? '-'],
      symbol: hasDot(index) ? 'circle' : 'none',
      itemStyle: { color: colour, borderWidth: 0 },
    })),
  };
}

/** Whether a point has no neighbour to connect it with by a line: it would be invisible. */
function standsAlone(points: DrawnSeries['points'], index: number): boolean {
  const neighbours = [points[index - 1], points[index + 1]];
  return points[index] !== undefined && neighbours.every((neighbour) => neighbour === undefined);
}
