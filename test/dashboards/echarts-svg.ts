import { type EChartsOption, init } from 'echarts';

export interface ChartSize {
  readonly width: number;
  readonly height: number;
}

/**
 * A chart of ECharts as SVG without its root element, so that one picture can contain several charts. ECharts
 * counts its ids per process; here they get a prefix.
 *
 * @see https://echarts.apache.org/handbook/en/how-to/cross-platform/server/
 */
export function echartsSvg(option: EChartsOption, size: ChartSize, idPrefix: string): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({ animation: false, useUTC: true, backgroundColor: 'none', ...option });
    return bare(chart.renderToSVGString(), idPrefix);
  } finally {
    // Otherwise its timers keep the process alive.
    chart.dispose();
  }
}

/**
 * Without the root element, and without what only a browser with ECharts uses. Fonts are those of the
 * picture; an area ends once, not again for each gap.
 */
function bare(svg: string, idPrefix: string): string {
  return svg
    .replace(/^<svg[^>]*>/, '')
    .replace(/<\/svg>\s*$/, '')
    .replaceAll(/<style[^>]*>.*?<\/style>/gs, '')
    .replaceAll(/<rect [^>]*fill="none"[^>]*><\/rect>/g, '')
    .replaceAll(/ (?:class|ecmeta_\w+|pointer-events)="[^"]*"/g, '')
    .replaceAll(/font: ?(?:normal )*(\S+px) [^";]*/g, 'font-size:$1')
    .replaceAll(/;?font-family:[^";]*/g, '')
    .replaceAll(/\bzr\d+-/g, `${idPrefix}-`)
    .replaceAll(/Z{2,}/g, 'Z')
    .replaceAll(/\n/g, '');
}
