import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  OrphanGuard,
  type ServerUser,
  serverUser,
  type UsableBinaries,
  usableBinaries,
} from './server-process.ts';

const run = promisify(execFile);

const START_TIMEOUT_MS = 30_000;

export interface EmbeddedPostgresOptions {
  /** Parent of the data folder; all users need access if root starts it. @default the temporary folder */
  readonly directory?: string;
  /** @default a free port */
  readonly port?: number;
}

/**
 * How the server stops. `fast` aborts running transactions and shuts down cleanly; `immediate` is like a
 * power failure: the next start recovers from the log.
 */
type PostgresStop = 'fast' | 'immediate';

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

export type EmbeddedPostgres = AsyncDisposable & {
  /** For the database `postgres`, as its superuser. */
  readonly connectionString: string;
  readonly port: number;
  stop(how?: PostgresStop): Promise<void>;
  /** On the same port, with the same data. */
  start(): Promise<void>;
  restart(how?: PostgresStop): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
};

/** Starts a new PostgreSQL server on 127.0.0.1; root can start it, too. */
export async function startPostgres(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  const user = await serverUser();
  const binaries = await usableBinaries(user);
  const data = await mkdtemp(join(options.directory ?? tmpdir(), 'postgres-'));
  if (user !== undefined) await chown(data, user.uid, user.gid);
  const server = new PostgresServer({ user, binaries, data, port: options.port ?? (await freePort()) });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await server.close();
    throw error;
  }
  return {
    connectionString: `postgresql://postgres@127.0.0.1:${server.port}/postgres`,
    port: server.port,
    stop: (how) => server.stop(how),
    start: () => server.start(),
    restart: async (how) => {
      await server.stop(how);
      await server.start();
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

interface ServerSettings {
  readonly user: ServerUser | undefined;
  readonly binaries: UsableBinaries;
  readonly data: string;
  readonly port: number;
}

class PostgresServer {
  readonly port: number;
  readonly #settings: ServerSettings;
  #process: ChildProcess | undefined;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.port = settings.port;
  }

  async initialise(): Promise<void> {
    const { data } = this.#settings;
    await run(
      this.#program('initdb'),
      [
        `--pgdata=${data}`,
        '--username=postgres',
        '--auth=trust',
        '--encoding=UTF8',
        '--locale=C',
        '--no-sync',
        '--no-instructions',
      ],
      { ...this.#settings.user, cwd: data },
    );
  }

  async start(): Promise<void> {
    if (this.#process !== undefined) return;
    const { data, user } = this.#settings;
    const server = spawn(
      this.#program('postgres'),
      [
        '-D',
        data,
        '-p',
        String(this.port),
        ...[
          'listen_addresses=127.0.0.1',
          'unix_socket_directories=',
          'lc_messages=C',
          'max_connections=100',
        ].flatMap((setting) => ['-c', setting]),
      ],
      // Not in the terminal's process group: Ctrl-C must reach only the program, which then stops its server.
      { ...user, cwd: data, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    );
    this.#process = server;
    const guard =
      server.pid === undefined
        ? undefined
        : new OrphanGuard({ serverPid: server.pid, user, folders: this.#folders });
    server.once('exit', () => {
      guard?.end();
      if (this.#process === server) this.#process = undefined;
    });
    await waitUntilReady(server);
  }

  async stop(how: PostgresStop = 'fast'): Promise<void> {
    const server = this.#process;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(SIGNALS[how]);
    await exited;
  }

  async close(): Promise<void> {
    // Its data is removed, so it does not need to be written.
    await this.stop('immediate');
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
  }

  get #folders(): string[] {
    const { data, binaries } = this.#settings;
    return [data, ...(binaries.copy === undefined ? [] : [binaries.copy])];
  }

  #program(name: 'initdb' | 'postgres'): string {
    return join(this.#settings.binaries.folder, name);
  }
}

/** Waits until the server accepts connections, and keeps reading so that it never blocks on its log. */
function waitUntilReady(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    let ready = false;
    const timer = setTimeout(() => server.kill('SIGQUIT'), START_TIMEOUT_MS);
    const fail = () => {
      clearTimeout(timer);
      if (!ready) reject(new Error(`PostgreSQL did not start: ${log.slice(-2_000)}`));
    };
    server.once('error', reject);
    server.once('exit', fail);
    server.stderr?.on('data', (chunk: Buffer) => {
      if (ready) return;
      log += chunk.toString();
      if (!log.includes('ready to accept connections')) return;
      ready = true;
      clearTimeout(timer);
      resolve();
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port of 127.0.0.1 was to be had');
  server.close();
  await once(server, 'close');
  return address.port;
}
