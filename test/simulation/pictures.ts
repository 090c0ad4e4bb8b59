import { HOUR_MS } from '../../lib/common/time.ts';
import { axisScale } from '../dashboards/axis-scale.ts';
import { echartsSvg } from '../dashboards/echarts-svg.ts';
import { type ValueUnit, valueText } from '../dashboards/format-value.ts';
import { legend } from '../dashboards/legend.ts';
import { CHART_FONT, FONTS, PALETTE } from '../dashboards/palette.ts';
import { element, text } from '../dashboards/svg.ts';
import type { ScenarioRun } from './report.ts';
import type { Sample } from './simulation.ts';

const WIDTH_PX = 1_000;
const PANEL_PX = 190;
const HEADER_PX = 66;
const TITLE_PX = 24;
const LEGEND_PX = 34;
const LEFT_PX = 76;
const RIGHT_PX = 24;
const COLOURS = { normal: '#1f77b4', urgent: '#d62728', held: '#9467bd', rate: '#2ca02c', limit: '#7f7f7f' };

interface Series {
  readonly label: string;
  readonly colour: string;
  readonly isLimit?: boolean;
  readonly valueAt: (sample: Sample) => number | undefined;
}

interface Panel {
  readonly title: string;
  readonly unit: ValueUnit;
  readonly series: readonly Series[];
}

/** A scenario over time as one self-contained SVG on a light background. */
export function drawScenario(run: ScenarioRun): string {
  const { title, story } = run.scenario;
  const panels = panelsOf(run);
  const panelPx = PANEL_PX + TITLE_PX + LEGEND_PX;
  const height = HEADER_PX + panels.length * panelPx;
  const size = { width: WIDTH_PX, height };
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${WIDTH_PX} ${height}`,
      ...size,
      role: 'img',
      'aria-label': `${title}, simulated. ${story}`,
      'font-family': FONTS,
      fill: PALETTE.ink,
    },
    element('rect', { ...size, fill: PALETTE.card }),
    text(title, { x: 20, y: 30, size: 19, 'font-weight': 'bold' }),
    text(`Simulated. ${story}`, { x: 20, y: 52, size: CHART_FONT.size, fill: PALETTE.quiet }),
    ...panels.map((panel, index) =>
      element(
        'g',
        { transform: `translate(0 ${HEADER_PX + index * panelPx})` },
        drawPanel(panel, run.result.samples, `p${index}`),
      ),
    ),
  );
}

function panelsOf({ scenario, result }: ScenarioRun): Panel[] {
  const { perSecond } = scenario.options.account;
  const isHeld = result.samples.some(({ waiting }) => waiting.held > 0);
  const hasBounces = scenario.options.arrivals.some(({ bounceShare = 0 }) => bounceShare > 0);
  const normal = { label: 'normal', colour: COLOURS.normal };
  const urgent = { label: 'urgent', colour: COLOURS.urgent };
  const held: Series = {
    label: 'held by the fuse',
    colour: COLOURS.held,
    valueAt: ({ waiting }) => waiting.held,
  };
  const bounceRate: Panel = {
    title: 'Bounces of the newest 1,000 mails',
    unit: 'Percent',
    series: [
      { label: 'bounce rate', colour: COLOURS.held, valueAt: ({ bounceRate }) => (bounceRate ?? 0) * 100 },
      { label: 'AWS reviews the account', colour: PALETTE.threshold, isLimit: true, valueAt: () => 5 },
    ],
  };
  return [
    {
      title: 'Mails waiting',
      unit: 'Count',
      series: [
        { ...normal, valueAt: ({ waiting }) => waiting.normal },
        { ...urgent, valueAt: ({ waiting }) => waiting.urgent },
        ...(isHeld ? [held] : []),
      ],
    },
    {
      title: 'Age of the oldest',
      unit: 'Seconds',
      series: [
        { ...normal, valueAt: ({ oldestMs }) => seconds(oldestMs.normal) },
        { ...urgent, valueAt: ({ oldestMs }) => seconds(oldestMs.urgent) },
      ],
    },
    {
      title: 'Mails sent a second',
      unit: 'None',
      series: [
        { label: 'sent', colour: COLOURS.rate, valueAt: ({ sendRate }) => sendRate },
        { label: 'quota', colour: COLOURS.limit, isLimit: true, valueAt: () => perSecond },
      ],
    },
    ...(hasBounces ? [bounceRate] : []),
  ];
}

function seconds(ms: number | undefined): number {
  return (ms ?? 0) / 1000;
}

function drawPanel({ title, unit, series }: Panel, samples: readonly Sample[], idPrefix: string): string {
  const lastMs = samples.at(-1)?.atMs ?? HOUR_MS;
  const values = series.flatMap(({ valueAt }) => samples.map((sample) => valueAt(sample) ?? 0));
  const scale = axisScale(values, unit, { lines: 4 });
  const hours = axisScale([lastMs / HOUR_MS], 'None', { lines: 12 });
  const label = { fontSize: CHART_FONT.size, color: PALETTE.quiet };
  const chart = echartsSvg(
    {
      grid: { left: LEFT_PX, right: RIGHT_PX, top: 10, bottom: 26, outerBoundsMode: 'none' },
      xAxis: {
        type: 'value',
        min: 0,
        max: lastMs / HOUR_MS,
        interval: hours.interval,
        axisLine: { lineStyle: { color: PALETTE.axis } },
        splitLine: { show: false },
        axisLabel: { ...label, formatter: (value: number) => `${value} h`, showMaxLabel: false },
      },
      yAxis: {
        type: 'value',
        ...scale,
        splitLine: { lineStyle: { color: PALETTE.grid } },
        axisLabel: { ...label, formatter: (value: number) => valueText(value, unit) },
      },
      series: series.map(({ colour, isLimit = false, valueAt }) => ({
        type: 'line' as const,
        color: colour,
        symbol: 'none',
        lineStyle: { width: isLimit ? 1 : 2, type: isLimit ? ('dashed' as const) : ('solid' as const) },
        data: samples.map((sample) => [sample.atMs / HOUR_MS, valueAt(sample) ?? 0]),
      })),
    },
    { width: WIDTH_PX, height: PANEL_PX },
    idPrefix,
  );
  const names = legend(series, WIDTH_PX);
  return [
    text(title, { x: 20, y: 16, size: 15, 'font-weight': 'bold' }),
    element('g', { transform: `translate(0 ${TITLE_PX})` }, chart),
    element('g', { transform: `translate(${LEFT_PX - 20} ${TITLE_PX + PANEL_PX})` }, names.svg),
  ].join('');
}
