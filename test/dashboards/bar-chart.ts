import { axisScale } from './axis-scale.ts';
import { PADDING_PX } from './card-title.ts';
import { latestPoint } from './drawn-series.ts';
import { echartsSvg } from './echarts-svg.ts';
import { valueText } from './format-value.ts';
import { CHART_FONT, PALETTE } from './palette.ts';
import { fitted, textWidth } from './text-width.ts';
import type { ViewContext } from './view-context.ts';

/** A bar for each series, with the length of its latest value, and the names on the left. */
export function barChart({ series, properties, context }: ViewContext): string {
  const { width, height, idPrefix } = context;
  const latest = series.map(latestPoint);
  const unit = series[0]?.unit ?? 'None';
  const names = series.map(({ label }) => fitted(label, width / 3, CHART_FONT));
  const widest = Math.max(0, ...names.map((name) => textWidth(name, CHART_FONT)));
  const { min, max } = properties.yAxis.left ?? {};
  const scale = axisScale(
    latest.filter((value) => value !== undefined),
    unit,
    { min, max, lines: 3 },
  );
  const option = {
    textStyle: { fontSize: CHART_FONT.size, color: PALETTE.quiet },
    grid: { left: PADDING_PX + widest + 10, right: 70, top: 4, bottom: 30, outerBoundsMode: 'none' as const },
    xAxis: {
      type: 'value' as const,
      ...scale,
      axisLabel: { formatter: (value: number) => valueText(value, unit), fontSize: CHART_FONT.size },
      splitLine: { lineStyle: { color: PALETTE.grid } },
    },
    yAxis: {
      type: 'category' as const,
      inverse: true,
      data: names,
      axisTick: { show: false },
      axisLabel: { fontSize: CHART_FONT.size, color: PALETTE.ink, interval: 0 },
      axisLine: { lineStyle: { color: PALETTE.axis } },
    },
    series: [
      {
        type: 'bar' as const,
        barMaxWidth: 26,
        label: {
          show: true,
          position: 'right' as const,
          fontSize: CHART_FONT.size,
          color: PALETTE.ink,
          formatter: ({ dataIndex }: { dataIndex: number }) => {
            const value = latest[dataIndex];
            return value === undefined ? '--' : valueText(value, unit);
          },
        },
        data: series.map(({ colour }, index) => ({
          value: latest[index] ?? 0,
          itemStyle: { color: colour },
        })),
      },
    ],
  };
  return echartsSvg(option, { width, height }, idPrefix);
}
