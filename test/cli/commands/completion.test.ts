import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createProgram } from '../../../lib/cli/app.ts';
import { runMailctl } from '../../support/run-mailctl.ts';

const run = promisify(execFile);

let directory: string;
let script: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'completion-'));
  script = join(directory, 'mailctl.bash');
  await writeFile(script, (await runMailctl(['completion', 'bash'])).stdout);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** What bash proposes for the last of the words. */
async function proposed(...words: readonly string[]): Promise<string[]> {
  const program = `source "$0"; COMP_WORDS=(mailctl "$@"); COMP_CWORD=$#; _mailctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['--norc', '-c', program, script, ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('mailctl completion bash', () => {
  it('proposes every command', async () => {
    const { commands } = createProgram({ output: process.stdout, errors: process.stderr }, async () => {});

    expect(await proposed('')).toEqual(expect.arrayContaining(commands.map((command) => command.name())));
  });

  it.each([
    [['dl'], ['dlq']],
    [['--stage', 'prod', 'dlq', 're'], ['redrive']],
    [
      ['--stage', ''],
      ['dev', 'prod'],
    ],
    [
      ['doctor', '--sm'],
      ['--smtp-host', '--smtp-port'],
    ],
    [['--json', 'suppression', 'ls', '--addr'], ['--addresses']],
    [['completion', 'f'], ['fish']],
    [['status', 'dlq', '--sta'], ['--stage']],
  ])('proposes for mailctl %j', async (words, expected) => {
    expect(await proposed(...words)).toEqual(expected);
  });

  it('proposes nothing for the value of an option', async () => {
    expect(await proposed('--profile', 'd')).toEqual([]);
  });
});

it.each(['bash', 'zsh', 'fish'])('prints a script for %s that knows each command', async (shell) => {
  const { code, stdout } = await runMailctl(['completion', shell]);

  expect(code).toBe(0);
  for (const name of ['quickstart', 'redrive', 'production-access']) expect(stdout).toContain(name);
});

it('refuses another shell', async () => {
  expect((await runMailctl(['completion', 'tcsh'])).code).toBe(64);
});
