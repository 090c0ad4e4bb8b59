import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'keybuzz-mail-';

/** Says which process writes into a folder, so that a later run can tell one that is over. */
const PID_FILE = '.pid';

/** Folders of runs that ended longer ago than this are removed. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/** The folder of a run. */
export interface RunFolder {
  readonly directory: string;
  readonly isTemporary: boolean;
  /** Temporary folders of earlier runs that are over, and still there. */
  readonly earlier: readonly string[];
  /** How many earlier ones were removed. */
  readonly removed: number;
}

/**
 * Makes the folder of a run: the given one, or a new temporary one. Removes the temporary folders of runs that ended
 * more than a week ago, and lists the younger ones.
 *
 * @throws the system's error if it cannot be written
 */
export async function makeRunFolder(
  given: string | undefined,
  { temporary = tmpdir(), now = new Date() }: { readonly temporary?: string; readonly now?: Date } = {},
): Promise<RunFolder> {
  const over = given === undefined ? await runsThatEnded(temporary) : [];
  const old = over.filter(({ at }) => now.getTime() - at.getTime() > KEPT_MS);
  for (const { folder } of old) await rm(folder, { recursive: true, force: true });
  const directory = given ?? (await mkdtemp(join(temporary, PREFIX)));
  if (given !== undefined) await mkdir(given, { recursive: true });
  else await writeFile(join(directory, PID_FILE), `${process.pid}\n`);
  const earlier = over.filter((run) => !old.includes(run)).map(({ folder }) => folder);
  return { directory, isTemporary: given === undefined, earlier, removed: old.length };
}

/** Removes the temporary folder of a run that has written nothing. */
export async function removeIfEmpty({ directory, isTemporary }: RunFolder): Promise<void> {
  if (!isTemporary) return;
  const files = await readdir(directory);
  if (files.every((name) => name === PID_FILE)) await rm(directory, { recursive: true });
}

interface EndedRun {
  readonly folder: string;
  readonly at: Date;
}

/** Only folders that have the file of a process, so that none of another program is touched. */
async function runsThatEnded(temporary: string): Promise<EndedRun[]> {
  const names = (await readdir(temporary)).filter((name) => name.startsWith(PREFIX)).sort();
  const runs = await Promise.all(names.map((name) => readRun(join(temporary, name))));
  return runs.flatMap((run) => (run === undefined ? [] : [run]));
}

async function readRun(folder: string): Promise<EndedRun | undefined> {
  try {
    const { mtime } = await stat(folder);
    const pid = Number(await readFile(join(folder, PID_FILE), 'utf8'));
    return Number.isInteger(pid) && pid > 0 && !isAlive(pid) ? { folder, at: mtime } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It runs, and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
