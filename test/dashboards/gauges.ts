import type { GaugeSeriesOption } from 'echarts';
import { type DrawnSeries, latestPoint } from './drawn-series.ts';
import { echartsSvg } from './echarts-svg.ts';
import { valueText } from './format-value.ts';
import { PALETTE } from './palette.ts';
import type { ViewContext } from './view-context.ts';

const PERCENT = 100;

/** A half circle for each series, filled up to its latest value; its ends are the bounds of the left axis. */
export function gauges({ series, properties, context }: ViewContext): string {
  const { width, height, idPrefix } = context;
  const { min = 0, max = PERCENT } = properties.yAxis.left ?? {};
  const share = width / Math.max(1, series.length);
  const radius = Math.min(share / 2 - 20, height - 62);
  const option = {
    series: series.map((one, index) =>
      gauge(one, { min, max, radius, x: share * (index + 0.5), y: height - 44 }),
    ),
  };
  return echartsSvg(option, { width, height }, idPrefix);
}

interface GaugePlace {
  readonly min: number;
  readonly max: number;
  readonly radius: number;
  readonly x: number;
  readonly y: number;
}

function gauge(series: DrawnSeries, place: GaugePlace): GaugeSeriesOption {
  const { label, unit, colour } = series;
  const latest = latestPoint(series);
  const width = place.radius * 0.24;
  return {
    type: 'gauge',
    center: [place.x, place.y],
    radius: place.radius,
    min: place.min,
    max: place.max,
    startAngle: 180,
    endAngle: 0,
    splitNumber: 1,
    pointer: { show: false },
    anchor: { show: false },
    progress: { show: latest !== undefined, width, itemStyle: { color: colour } },
    axisLine: { lineStyle: { width, color: [[1, PALETTE.grid]] } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: { show: false },
    title: { offsetCenter: [0, 30], fontSize: 14.5, color: PALETTE.quiet },
    detail: {
      offsetCenter: [0, -12],
      fontSize: Math.min(36, place.radius * 0.36),
      fontWeight: 'bold',
      color: PALETTE.ink,
      formatter: () => (latest === undefined ? '--' : valueText(latest, unit)),
    },
    data: [{ value: latest ?? place.min, name: label }],
  };
}
