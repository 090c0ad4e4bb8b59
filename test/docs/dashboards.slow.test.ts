import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Each picture in docs, and what it is drawn from. */
const PICTURES = [
  ['mail.svg', 'outage'],
  ['machine-room.svg', 'outage'],
  ['reputation.svg', 'bounce-storm'],
] as const;

const ARGUMENTS = {
  outage: ['-c', 'workerMetrics=true', '-c', 'accountMonitoring=dev', '--until', '2026-01-14T13:00'],
  'bounce-storm': ['-c', 'accountMonitoring=dev'],
} as const;

describe('the pictures of the dashboards', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'dashboards-'));
    for (const [scenario, args] of Object.entries(ARGUMENTS)) {
      const from = ['--from', join(root, 'test', 'recordings', `${scenario}.json`)];
      const out = ['--out', join(directory, scenario)];
      const drawn = spawnSync(
        process.execPath,
        ['test/dashboards/draw-dashboards.ts', ...from, ...args, ...out],
        {
          cwd: root,
        },
      );
      if (drawn.status !== 0) throw new Error(drawn.stderr.toString());
    }
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(PICTURES)('%s shows the dashboard as it is defined now', (picture, scenario) => {
    const drawn = readFileSync(join(directory, scenario, picture), 'utf8');
    const kept = readFileSync(join(root, 'docs', 'dashboards', picture), 'utf8');

    // Told by a flag: two pictures side by side would fill the screen. `npm run dashboards -- --help` says how to draw.
    expect(drawn === kept).toBe(true);
  });
});
