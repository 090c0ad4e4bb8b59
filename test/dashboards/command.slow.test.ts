import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { sampleRecording } from './sample-recording.ts';

const command = fileURLToPath(new URL('./draw-dashboards.ts', import.meta.url));

function run(...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'dashboards-'));
  writeFileSync(join(folder, 'run.json'), JSON.stringify(sampleRecording()));
  writeFileSync(join(folder, 'wrong.json'), '{"scenario": 1}');
  const ended = spawnSync(process.execPath, [command, ...args], { cwd: folder, encoding: 'utf8' });
  return { ...ended, folder };
}

describe('npm run dashboards', () => {
  it('draws the three dashboards of the deployed stack from a recording', () => {
    const { status, stdout, folder } = run(
      ...['--from', 'run.json', '-c', 'accountMonitoring=dev', '--out', 'pictures', '--json'],
    );
    expect(status).toBe(0);
    const { scenario, files, alarms } = JSON.parse(stdout);
    expect(scenario).toBe('made-up');
    expect(files).toEqual(['pictures/mail.svg', 'pictures/reputation.svg', 'pictures/machine-room.svg']);
    expect(alarms.length).toBeGreaterThanOrEqual(10);
    for (const file of files) expect(readFileSync(join(folder, file), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
  });

  it('prints its options', () => {
    const { status, stdout } = run('--help');
    expect(status).toBe(0);
    for (const option of ['--from', '--scenario', '--record', '--until', '--defaults', '--out', '--json']) {
      expect(stdout).toContain(option);
    }
  });

  it.each([
    [['--scenario', 'flood'], /flood.*healthy-day/],
    [['--from', 'run.json', '--record', 'x.json'], /--record/],
  ])('exits with 2 for wrong arguments: %j', (args, message) => {
    const { status, stderr, stdout } = run(...args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  it.each([
    ['wrong.json', /wrong\.json is no recording: scenario/],
    ['none.json', /none\.json/],
  ])('exits with 1, one line and no picture, if %s cannot be drawn', (file, message) => {
    const { status, stderr, folder } = run('--from', file, '--out', 'pictures');
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(message)]);
    expect(readdirSync(folder)).not.toContain('pictures');
  });

  it.each(['2025-12-31T23:59', '2027-01-01'])(
    'prints the time of the run if %s is not within it',
    (moment) => {
      const { status, stderr, folder } = run('--from', 'run.json', '--until', moment, '--out', 'pictures');
      const { from, to } = sampleRecording();
      expect(status).toBe(1);
      expect(stderr).toContain(`is not within the run, from ${from} to ${to}`);
      expect(readdirSync(folder)).not.toContain('pictures');
    },
  );
});
