import type { LineSeriesOption } from 'echarts';
import { valueText } from './format-value.ts';
import { CHART_FONT, PALETTE } from './palette.ts';
import type { Threshold, ValueAxis } from './value-axis.ts';

/** The height of a name above its line. */
const NAME_PX = 18;

/** The threshold lines, each with its name; a series without points carries them. */
export function thresholdLines(
  { side, thresholds, unit, scale }: ValueAxis,
  gridPx: number,
): LineSeriesOption {
  const namePx = (NAME_PX / gridPx) * (scale.max - scale.min);
  return {
    type: 'line',
    yAxisIndex: side === 'left' ? 0 : 1,
    data: [],
    lineStyle: { width: 0 },
    markLine: {
      silent: true,
      symbol: 'none',
      data: thresholds.map(({ value, label, color = PALETTE.threshold }) => ({
        yAxis: value,
        lineStyle: { color, width: 1.5, type: 'dashed' },
        label: {
          formatter: label === '' ? valueText(value, unit) : label,
          // Away from the name of the axis, which is above its numbers.
          position: `inside${side === 'left' ? 'End' : 'Start'}${isBelow(value, thresholds, namePx) ? 'Bottom' : 'Top'}`,
          fontSize: CHART_FONT.size,
          color,
        },
      })),
    },
  };
}

/** Whether the name must be below its line, because another line is close above. */
function isBelow(value: number, thresholds: readonly Threshold[], nameHeight: number): boolean {
  return thresholds.some((other) => other.value > value && other.value - value < nameHeight);
}
