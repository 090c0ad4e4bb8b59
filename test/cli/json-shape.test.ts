import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram } from '../../lib/cli/app.ts';
import { read } from '../docs/pages.ts';
import { runMailctl } from '../support/run-mailctl.ts';

/** What commands need on their command line. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  'alarms test': ['dead-letters'],
  status: ['reply-1'],
  'message check': ['no-such-file.json'],
  'dlq drop': ['--cause', 'expired', '--because', 'test'],
  'dlq show': ['--cause', 'expired'],
  'dlq redrive': ['--all'],
  'secrets kubernetes': ['--namespace', 'a'],
  'production-access request': ['--website', 'https://keybuzz.io'],
  'suppression add': ['a@example.org'],
  'suppression rm': ['a@example.org'],
};

/** Commands that need neither AWS nor a database. */
const OFFLINE = ['completion', 'runbook'];

/** Every command with an action. */
function pathsOf(command: Command, words: readonly string[] = []): string[] {
  return command.commands.flatMap((child) => {
    const path = [...words, child.name()];
    return child.commands.length === 0 ? [path.join(' ')] : pathsOf(child, path);
  });
}

const program = createProgram({ output: process.stdout, errors: process.stderr }, async () => {});

describe('--json', () => {
  const taken = createServer();

  beforeAll(async () => {
    await once(taken.listen(0, '127.0.0.1'), 'listening');
  });

  afterAll(async () => {
    await once(taken.close(), 'close');
  });

  /** The console would run until it is ended, if it could listen. */
  const argumentsOf = (path: string): readonly string[] =>
    path === 'console' ? ['--port', String((taken.address() as AddressInfo).port)] : (ARGUMENTS[path] ?? []);

  it.each(pathsOf(program).filter((path) => !OFFLINE.includes(path)))(
    'has the shape of all commands for a failed %s',
    async (path) => {
      const args = ['--json', '--yes', ...path.split(' '), ...argumentsOf(path)];
      const { code, stdout } = await runMailctl(args);
      const printed = JSON.parse(stdout);

      expect(Object.keys(printed)).toEqual(['version', 'command', 'exitCode', 'data', 'error']);
      expect(printed).toMatchObject({ version: 1, command: path, exitCode: code });
      expect(code).not.toBe(0);
    },
  );
});

it('tells the version of the package', async () => {
  const manifest = JSON.parse(read('package.json'));
  expect(await runMailctl(['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
});
