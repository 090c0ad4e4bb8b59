import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const MAILCTL = fileURLToPath(new URL('../../bin/mailctl.ts', import.meta.url));

/** Nothing of the machine that the test runs on: no credentials, no configuration files, no metadata service. */
const NOBODY = {
  AWS_CONFIG_FILE: '/nonexistent/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  AWS_EC2_METADATA_DISABLED: 'true',
};

export interface MailctlRun {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the operator's command line as a process of its own, without a terminal, until it ends.
 *
 * @param env what it sees beside PATH
 */
export async function runMailctl(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<MailctlRun> {
  const child = spawn(process.execPath, [MAILCTL, ...args], {
    env: { PATH: process.env.PATH, ...NOBODY, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code: typeof code === 'number' ? code : null, stdout, stderr };
}
