import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runMailctl as run } from '../../lib/cli/app.ts';

const MAILCTL = fileURLToPath(new URL('../../bin/mailctl.ts', import.meta.url));

type Environment = Readonly<Record<string, string | undefined>>;

/** An environment without the machine's credentials, configuration files and metadata service. */
const BARE = {
  AWS_CONFIG_FILE: '/nonexistent/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  AWS_EC2_METADATA_DISABLED: 'true',
};

export interface MailctlRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the operator's command line in this process, without a terminal, until it ends. A separate process
 * takes a second to start, so `spawnMailctl` is only for tests of signals or pipes.
 *
 * @param env the environment of the command, besides PATH
 * @param options.input what comes on standard input
 * @param options.directory the folder that it runs in; by default one without a cdk.json
 */
export async function runMailctl(
  args: readonly string[],
  env: Environment = {},
  { input = '', directory = tmpdir() }: { readonly input?: string; readonly directory?: string } = {},
): Promise<MailctlRun> {
  const [output, errors] = [new PassThrough(), new PassThrough()];
  const [stdout, stderr] = [text(output), text(errors)];
  const streams = { input: Readable.from(input === '' ? [] : [input]), output, errors };
  const code = await withEnvironment({ PATH: process.env.PATH, ...BARE, ...env }, () =>
    run(args, { streams, env: process.env, directory, signal: new AbortController().signal }),
  );
  output.end();
  errors.end();
  return { code, stdout: await stdout, stderr: await stderr };
}

/** What a command printed with `--json`. */
// biome-ignore lint/suspicious/noExplicitAny: each test knows the result of its command
export function dataOf(stdout: string): any {
  const { version, data } = JSON.parse(stdout);
  if (version !== 1) throw new Error(`the JSON has the version ${version}: ${stdout}`);
  return data;
}

/** One at a time, because the AWS clients read the environment of the process. */
let last: Promise<unknown> = Promise.resolve();

function withEnvironment<T>(env: Environment, work: () => Promise<T>): Promise<T> {
  const mine = last.then(async () => {
    const before = { ...process.env };
    replaceEnvironment(env);
    try {
      return await work();
    } finally {
      replaceEnvironment(before);
    }
  });
  last = mine.catch(() => {});
  return mine;
}

/** In place, because the AWS clients keep their reference to this object. */
function replaceEnvironment(env: Environment): void {
  for (const name of Object.keys(process.env)) if (env[name] === undefined) delete process.env[name];
  for (const [name, value] of Object.entries(env)) if (value !== undefined) process.env[name] = value;
}

/** Starts the operator's command line in a separate process, for tests of its signals and pipes. */
export function spawnMailctl(
  args: readonly string[],
  env: Environment = {},
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [MAILCTL, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...BARE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
