import type { DrawnSeries } from './drawn-series.ts';
import { PALETTE } from './palette.ts';
import { element } from './svg.ts';

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A series without axes, based at zero; gaps remain gaps and a single point is a dot. */
export function sparkline({ points, colour }: DrawnSeries, area: Area): string {
  const known = points.filter((point) => point !== undefined);
  const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
  const baseline = area.y + area.height;
  const xOf = (index: number) => area.x + (index / Math.max(1, points.length - 1)) * area.width;
  const yOf = (value: number) => baseline - (high === low ? 0 : (value - low) / (high - low)) * area.height;
  const line = { x1: area.x, x2: area.x + area.width, y1: baseline, y2: baseline, stroke: PALETTE.grid };
  const drawn = runsOf(points)
    .map(({ start, values }) => {
      const path = values.map((value, index) => `${px(xOf(start + index))} ${px(yOf(value))}`).join('L');
      if (values.length === 1)
        return element('circle', { cx: xOf(start), cy: yOf(values[0] ?? 0), r: 2.5, fill: colour });
      const ends = `L${px(xOf(start + values.length - 1))} ${px(baseline)}L${px(xOf(start))} ${px(baseline)}Z`;
      return [
        element('path', { d: `M${path}${ends}`, fill: colour, 'fill-opacity': 0.14 }),
        element('path', { d: `M${path}`, fill: 'none', stroke: colour, 'stroke-width': 2 }),
      ].join('');
    })
    .join('');
  return element('line', line) + drawn;
}

/** Runs of points without a gap. */
function runsOf(points: DrawnSeries['points']): readonly { start: number; values: readonly number[] }[] {
  const runs: { start: number; values: number[] }[] = [];
  for (const [index, point] of points.entries()) {
    if (point === undefined) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.start + last.values.length === index) last.values.push(point);
    else runs.push({ start: index, values: [point] });
  }
  return runs;
}

function px(value: number): string {
  return value.toFixed(1);
}
