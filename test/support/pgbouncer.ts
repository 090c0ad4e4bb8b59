import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { serverUser } from '../../lib/emulators/postgres/server-process.ts';
import { freePort } from './postfix.ts';

/** PgBouncer is a system package, not an npm one. */
export const canRunPgBouncer = hasPgBouncer();

function hasPgBouncer(): boolean {
  try {
    execFileSync('pgbouncer', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export type PoolMode = 'session' | 'transaction';

/** A PgBouncer as Debian configures it, in front of all databases of a server. */
export class PgBouncer {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(port: number, process: ChildProcess, directory: string) {
    this.port = port;
    this.#process = process;
    this.#directory = directory;
  }

  static async start(serverPort: number, poolMode: PoolMode): Promise<PgBouncer> {
    const directory = mkdtempSync(join(tmpdir(), 'pgbouncer-'));
    // It refuses to run as root, and reads its files as another user.
    chmodSync(directory, 0o755);
    const user = await serverUser();
    const port = await freePort();
    const users = join(directory, 'userlist.txt');
    writeFileSync(users, '"postgres" ""\n');
    const configuration = join(directory, 'pgbouncer.ini');
    writeFileSync(
      configuration,
      `[databases]
* = host=127.0.0.1 port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${poolMode}
`,
    );
    const child = spawn('pgbouncer', [configuration], {
      ...user,
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const server = new PgBouncer(port, child, directory);
    await upAndRunning(child);
    return server;
  }

  /** The same database through this pooler. */
  urlOf(connectionString: string): string {
    const url = new URL(connectionString);
    url.port = String(this.port);
    return url.href;
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      await exited;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function upAndRunning(child: ChildProcess): Promise<void> {
  if (child.stderr === null) throw new Error('its log is a pipe');
  const log: string[] = [];
  const lines = createInterface(child.stderr);
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`PgBouncer did not start: ${log.join('\n')}`)));
    // Read on, so that it never blocks on its log.
    lines.on('line', (line) => {
      log.push(line);
      if (line.includes('process up')) resolve();
    });
  });
}
