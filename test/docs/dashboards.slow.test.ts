import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Each image in docs, and its source. */
const PICTURES = [
  ['mail.svg', 'outage'],
  ['machine-room.svg', 'outage'],
  ['reputation.svg', 'bounce-storm'],
] as const;

const ARGUMENTS = {
  outage: ['-c', 'workerMetrics=true', '-c', 'accountMonitoring=dev', '--until', '2026-01-14T13:00'],
  'bounce-storm': ['-c', 'accountMonitoring=dev'],
} as const;

describe('the dashboard images', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'dashboards-'));
    for (const [scenario, args] of Object.entries(ARGUMENTS)) {
      const from = ['--from', join(root, 'test', 'recordings', `${scenario}.json`)];
      const out = ['--out', join(directory, scenario)];
      const drawn = spawnSync(
        process.execPath,
        ['test/dashboards/draw-dashboards.ts', '--defaults', ...from, ...args, ...out],
        {
          cwd: root,
        },
      );
      if (drawn.status !== 0) throw new Error(drawn.stderr.toString());
    }
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(PICTURES)('%s matches the current definition of the dashboard', (picture, scenario) => {
    const drawn = readFileSync(join(directory, scenario, picture), 'utf8');
    const kept = readFileSync(join(root, 'docs', 'dashboards', picture), 'utf8');

    // A boolean, because a diff of two images would fill the screen. `npm run dashboards -- --help` says how
    // to draw.
    expect(drawn === kept).toBe(true);
  });
});
