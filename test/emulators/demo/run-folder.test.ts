import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DAY_MS } from '../../../lib/common/time.ts';
import { makeRunFolder, removeIfEmpty } from '../../../lib/emulators/demo/run-folder.ts';

let temporary: string;

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'run-folder-'));
});

afterEach(async () => {
  await rm(temporary, { recursive: true, force: true });
});

/** A folder as a run leaves it. */
async function earlierRun(name: string, pid: number): Promise<string> {
  const folder = join(temporary, name);
  await mkdir(folder);
  await writeFile(join(folder, '.pid'), `${pid}\n`);
  await writeFile(join(folder, 'worker.log'), 'a line\n');
  return folder;
}

/** Of a process that has ended. */
const endedPid = () => spawnSync('true').pid;

it('names the folders of runs that are over', async () => {
  const over = await earlierRun('keybuzz-mail-over', endedPid());
  await earlierRun('keybuzz-mail-alive', process.pid);

  expect(await makeRunFolder(undefined, { temporary })).toMatchObject({ earlier: [over], removed: 0 });
});

it('removes them a week later, and only them', async () => {
  const over = await earlierRun('keybuzz-mail-over', endedPid());
  const alive = await earlierRun('keybuzz-mail-alive', process.pid);
  const foreign = join(temporary, 'keybuzz-mail-of-another-program');
  await mkdir(foreign);
  const now = new Date(Date.now() + 8 * DAY_MS);

  expect(await makeRunFolder(undefined, { temporary, now })).toMatchObject({ earlier: [], removed: 1 });
  expect([over, alive, foreign].map((folder) => existsSync(folder))).toEqual([false, true, true]);
});

it('leaves no folder of a run that wrote nothing', async () => {
  await removeIfEmpty(await makeRunFolder(undefined, { temporary }));

  expect(await readdir(temporary)).toEqual([]);
});

it('writes nothing of its own into a given folder, and does not remove it', async () => {
  const directory = join(temporary, 'mine', 'deep');
  await removeIfEmpty(await makeRunFolder(directory, { temporary }));

  expect(await readdir(directory)).toEqual([]);
});
