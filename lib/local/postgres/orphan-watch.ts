import { type ChildProcess, spawn } from 'node:child_process';
import type { ServerUser } from './server-user.ts';

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

export interface OrphanWatchOptions {
  readonly serverPid: number;
  /** What the server must be run as to be signalled and its folders to be removed. */
  readonly user: ServerUser | undefined;
  readonly folders: readonly string[];
}

/** Sees to it that a server does not outlive the program that started it, not even one that was killed. */
export class OrphanWatch {
  readonly #watcher: ChildProcess;

  constructor({ serverPid, user, folders }: OrphanWatchOptions) {
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
