/** The colours of the pictures: those of the CloudWatch console in daylight. */
export const PALETTE = {
  page: '#f4f6f8',
  card: '#ffffff',
  border: '#d5dbdb',
  grid: '#e9ebed',
  axis: '#aab7b8',
  ink: '#16191f',
  quiet: '#545b64',
  link: '#0073bb',
  code: '#9c2a5b',
  threshold: '#d13212',
  ok: '#1d8102',
  okFill: '#f2f8f0',
  alarm: '#d13212',
  alarmFill: '#fdf3f1',
  unknown: '#687078',
  unknownFill: '#f2f3f3',
} as const;

/** CloudWatch's default colours for the metrics of a widget, in their order. */
const SERIES = [
  ...['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728', '#9467bd'],
  ...['#8c564b', '#e377c2', '#7f7f7f', '#bcbd22', '#17becf'],
];

export function seriesColour(index: number): string {
  return SERIES[index % SERIES.length] ?? PALETTE.ink;
}

/** Fonts of the reader's machine: a picture in a README may load nothing. */
export const FONTS = '-apple-system, "Segoe UI", "Helvetica Neue", Helvetica, Arial, sans-serif';

export const CODE_FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace';

/** Of the texts around a chart. */
export const CHART_FONT = { size: 13.5 };
