import { describe, expect, it } from '@jest/globals';
import { MINUTE_MS } from '../../lib/common/time.ts';
import { MetricStore } from '../support/cloudwatch/metric-store.ts';
import { dashboardsOf } from './dashboards-of.ts';
import { renderDashboard } from './render-dashboard.ts';
import { sampleTemplate } from './sample-stack.ts';
import { FROM_MS, metricOf, sampleStore, TO_MS } from './sample-store.ts';

const COLOUR = '#123456';
const span = { fromMs: FROM_MS, toMs: TO_MS, periodMs: 5 * MINUTE_MS };
const store = sampleStore();
const [sample] = dashboardsOf(sampleTemplate());

const drawSample = (alarmStates: Parameters<typeof renderDashboard>[0]['alarmStates'] = {}) =>
  renderDashboard({
    ...span,
    title: 'keybuzz-mail-dev',
    body: sample?.body,
    store,
    alarmStates,
    note: 'made up',
  });

/** A single widget. */
function draw(type: string, properties: object, of: MetricStore = store): string {
  const body = { widgets: [{ type, x: 0, y: 0, width: 12, height: 6, properties }] };
  return renderDashboard({ ...span, title: 'one', body, store: of, note: 'made up' });
}

/** A store with one metric, `Resent`, with the given count in each five minutes. */
function storeOf(points: readonly (number | undefined)[]): MetricStore {
  const one = new MetricStore();
  for (const [index, value] of points.entries()) {
    const at = FROM_MS + index * 5 * MINUTE_MS;
    if (value !== undefined) one.add({ ...metricOf('Resent'), at, values: [value], unit: 'Count' });
  }
  return one;
}

const resent = (options: object = {}) => ({
  metrics: [['keybuzz/mail', 'Resent', 'stage', 'dev', { stat: 'Sum', color: COLOUR, ...options }]],
});

/** The path of the line, or of another stroke in the metric's colour. */
const lineIn = (svg: string) => new RegExp(`<path d="([^"]*)"[^>]*stroke="${COLOUR}"`).exec(svg)?.[1] ?? '';
const dotsIn = (svg: string) =>
  [...svg.matchAll(new RegExp(`<path d="[^"]*A[^"]*"[^>]*fill="${COLOUR}"`, 'g'))].length;
const textsIn = (svg: string) =>
  [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, content]) =>
    (content ?? '').replaceAll(/<[^>]*>/g, ''),
  );

describe('the picture of a dashboard', () => {
  it('is the same for the same input, after any number of other pictures', () => {
    expect(drawSample()).toBe(drawSample());
  });

  it('is one well-formed document with unique ids', () => {
    const svg = drawSample();
    const open: string[] = [];
    for (const [, close, name = '', selfClosing] of svg.matchAll(/<(\/?)([\w:]+)(?:\s[^<>]*?)?(\/?)>/g)) {
      if (close === '/') expect(open.pop()).toBe(name);
      else if (selfClosing !== '/') open.push(name);
    }
    expect(open).toEqual([]);
    const ids = [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('loads and runs nothing', () => {
    const svg = drawSample().replaceAll('xmlns="http://www.w3.org/2000/svg"', '');
    expect(svg).not.toMatch(/<script|<style|<image|<foreignObject|href|https?:|\son\w+=/i);
    expect(svg).not.toMatch(/url\((?!#)/);
  });

  it('has its own background, its title, its time range and its note', () => {
    const svg = drawSample();
    expect(svg).toMatch(/^<svg[^>]*><rect width="1400" height="\d+" fill="#[0-9a-f]{6}"\/>/);
    expect(textsIn(svg)).toEqual(
      expect.arrayContaining(['keybuzz-mail-dev', '2026-01-14 00:00 – 06:00 UTC', 'made up']),
    );
  });

  it('never contains NaN or undefined', () => {
    expect(drawSample()).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  it.each([
    ['log', {}, /widgets\.0/],
    ['metric', { view: 'pie', metrics: [] }, /widgets\.0\.properties\.view/],
  ])('rejects unsupported widgets by their place: %s', (type, properties, message) => {
    expect(() => draw(type, properties)).toThrow(message);
  });

  it('escapes titles and labels', () => {
    const svg = draw('metric', { title: '<b> & "c"', ...resent({ label: '<i>' }) });
    expect(svg).toContain('&lt;b&gt; &amp; &quot;c&quot;');
    expect(svg).toContain('&lt;i&gt;');
    expect(svg).not.toMatch(/<b>|<i>/);
  });
});

describe('a graph', () => {
  it('has gaps where there is no data, and shows a single point as a dot', () => {
    const svg = draw('metric', resent(), storeOf([1, 2, undefined, 3, undefined, 4, 5]));
    expect(lineIn(svg).match(/M/g)).toHaveLength(3);
    expect(dotsIn(svg)).toBe(1);
  });

  it('is one line without dots if no data is missing', () => {
    const svg = draw('metric', resent(), storeOf([1, 2, 3, 4]));
    expect(lineIn(svg).match(/M/g)).toHaveLength(1);
    expect(dotsIn(svg)).toBe(0);
  });

  it('fills stacked areas', () => {
    const area = new RegExp(`fill="${COLOUR}" fill-opacity`);
    const points = storeOf([1, 2, 3]);
    expect(draw('metric', { ...resent(), stacked: true }, points)).toMatch(area);
    expect(draw('metric', resent(), points)).not.toMatch(area);
  });

  it('stacks a single event as a layer that returns to zero, and has gaps where no series has data', () => {
    const both = storeOf([2, 2, 2, undefined, 2, 2]);
    both.add({ ...metricOf('Expired'), at: FROM_MS + 5 * MINUTE_MS, values: [1], unit: 'Count' });
    const expired = ['keybuzz/mail', 'Expired', 'stage', 'dev', { stat: 'Sum', color: '#fedcba' }];
    const svg = draw('metric', { metrics: [expired, ...resent().metrics], stacked: true }, both);
    const area = (colour: string) =>
      new RegExp(`<path d="([^"]*)" fill="${colour}" fill-opacity`).exec(svg)?.[1] ?? '';
    const heights = [...area('#fedcba').matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
    const baseline = Math.max(...heights);
    expect(heights.slice(0, 3)).toEqual([baseline, Math.min(...heights), baseline]);
    expect(area(COLOUR).match(/M/g)).toHaveLength(2);
    expect(svg).not.toContain('>1 without data<');
  });

  it('separates the names of thresholds that are close to each other', () => {
    const at = (value: number, label: string) => ({ value, label });
    const yOf = (svg: string, label: string) =>
      Number(
        new RegExp(`y="([-\\d.]+)" transform="translate\\([\\d.]+ [\\d.]+\\)" fill="#d13212">${label}<`).exec(
          svg,
        )?.[1],
      );
    const drawn = (values: readonly [number, number]) =>
      draw('metric', {
        ...resent(),
        annotations: { horizontal: [at(values[0], 'lower'), at(values[1], 'upper')] },
      });
    expect(yOf(drawn([48, 50]), 'lower')).toBeGreaterThan(0);
    expect(yOf(drawn([48, 50]), 'upper')).toBeLessThan(0);
    expect(yOf(drawn([10, 50]), 'lower')).toBeLessThan(0);
  });

  it('says that there is no data, and for which series', () => {
    const texts = textsIn(draw('metric', resent({ label: 'Resent' }), new MetricStore()));
    expect(texts).toEqual(expect.arrayContaining(['no data in this time', 'Resent']));
  });

  it('does not name an axis by the unit of its numbers', () => {
    const named = (label: string) => textsIn(draw('metric', { ...resent(), yAxis: { left: { label } } }));
    expect(named('recipients')).toContain('recipients');
    expect(named('Seconds')).not.toContain('Seconds');
  });

  it('draws thresholds with their names, even far above all values', () => {
    const horizontal = [
      { value: 50, label: 'AWS reviews', color: '#abcdef' },
      { value: 70, label: 'not shown', visible: false },
    ];
    const svg = draw('metric', { ...resent(), annotations: { horizontal } }, storeOf([1, 2]));
    expect(textsIn(svg)).toContain('AWS reviews');
    expect(textsIn(svg)).toContain('50');
    expect(svg).toMatch(/stroke="#abcdef"/);
    expect(textsIn(svg)).not.toContain('not shown');
  });

  it('has the units and names of both its axes', () => {
    const texts = textsIn(drawSample());
    expect(texts).toEqual(expect.arrayContaining(['Oldest mail', '40 min', 'To acceptance', '8 s', '10 %']));
  });

  it('names the series with data, and counts the rest', () => {
    const metrics = [
      ...resent({ label: 'seen' }).metrics,
      ['keybuzz/mail', 'Expired', 'stage', 'dev', { label: 'unseen' }],
    ];
    const texts = textsIn(draw('metric', { metrics }, storeOf([1])));
    expect(texts).toEqual(expect.arrayContaining(['seen', '1 without data']));
    expect(texts).not.toContain('unseen');
    const hidden = draw('metric', { metrics, legend: { position: 'hidden' } }, storeOf([1]));
    expect(textsIn(hidden)).not.toContain('seen');
  });

  it('does not show inputs of an expression', () => {
    const [row = []] = resent({ id: 'm', visible: false }).metrics;
    const svg = draw(
      'metric',
      { metrics: [row, [{ expression: 'm * 2', label: 'double', color: '#fedcba' }]] },
      storeOf([1, 2]),
    );
    expect(lineIn(svg)).toBe('');
    expect(svg).toContain('#fedcba');
  });
});

describe('a number', () => {
  const single = (options: object, of: MetricStore) =>
    textsIn(draw('metric', { ...resent(), view: 'singleValue', ...options }, of));

  it('is the latest value, or two dashes', () => {
    expect(single({}, storeOf([1, 2000, undefined]))).toContain('2k');
    expect(single({}, new MetricStore())).toContain('--');
  });

  it('is of the whole time range with setPeriodToTimeRange, regardless of its period', () => {
    const rows = resent({ period: 300 });
    expect(single({ ...rows, setPeriodToTimeRange: true }, storeOf([1, 2, undefined, 4]))).toContain('7');
  });

  it('has a sparkline only if configured', () => {
    const points = storeOf([1, 2, 3]);
    const with_ = draw('metric', { ...resent(), view: 'singleValue', sparkline: true }, points);
    expect(lineIn(with_)).not.toBe('');
    expect(lineIn(draw('metric', { ...resent(), view: 'singleValue' }, points))).toBe('');
  });

  it('has the same size as the others of its card', () => {
    const [few, many] = [1, 123_456_789];
    const of = storeOf([few]);
    of.add({ ...metricOf('ResentBytes'), at: FROM_MS, values: [many], unit: 'Bytes' });
    const metrics = [...resent().metrics, ['keybuzz/mail', 'ResentBytes', 'stage', 'dev', { stat: 'Sum' }]];
    const svg = draw('metric', { metrics, view: 'singleValue' }, of);
    const sizes = [...svg.matchAll(/<text[^>]*font-size="([\d.]+)" font-weight="bold" xml:space/g)].map(
      ([, size]) => size,
    );
    expect(sizes).toHaveLength(2);
    expect(new Set(sizes).size).toBe(1);
  });

  it('becomes smaller if there are many side by side', () => {
    const sizeOf = (count: number) => {
      const metrics = Array.from({ length: count }, () => resent().metrics[0]);
      const svg = draw('metric', { metrics, view: 'singleValue' }, storeOf([1_234_000]));
      return Number(/<text[^>]*font-size="([\d.]+)" font-weight="bold" xml:space/.exec(svg)?.[1]);
    };
    expect(sizeOf(5)).toBeLessThan(sizeOf(1));
  });

  it('has its unit next to it', () => {
    expect(textsIn(drawSample())).toEqual(expect.arrayContaining(['35.8 min', '6.7 s', '27 %']));
  });
});

describe('alarms', () => {
  it('have the colour of their state; one without a state is grey', () => {
    const svg = drawSample({ 'keybuzz-mail-dev-mail-waiting': 'ALARM', 'keybuzz-mail-dev-key-old': 'OK' });
    const colourOf = (name: string) =>
      [...svg.slice(0, svg.indexOf(`>${name}<`)).matchAll(/<circle[^>]*fill="(#\w+)"/g)].at(-1)?.[1];
    const [red, green, grey] = ['mail-waiting', 'key-old', 'dead-letters'].map((name) =>
      colourOf(`keybuzz-mail-dev-${name}`),
    );
    expect([red, green, grey]).toEqual(['#d13212', '#1d8102', '#687078']);
  });
});
