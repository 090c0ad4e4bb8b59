import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram } from '../../lib/cli/app.ts';
import { runMailctl } from '../support/run-mailctl.ts';
import { commandsIn } from './commands-in.ts';
import { ALL_ALARMS } from './generated-tables.ts';
import { PAGES, read } from './pages.ts';

const program = createProgram({ output: process.stdout, errors: process.stderr }, async () => {});

let mailctlHelp: string;

beforeAll(async () => {
  mailctlHelp = (await runMailctl(['--help'])).stdout;
});

/** The words of a command that mailctl would reject. */
function unknownWords(line: string): string[] {
  let rest = line.split(/\s+/).slice(1);
  let command = program;
  for (;;) {
    const next = command.commands.find((candidate) => candidate.name() === rest[0]);
    if (next === undefined) break;
    command = next;
    rest = rest.slice(1);
  }
  const takesArguments = command.registeredArguments.length > 0;
  const words = rest.filter((word, index) => word.startsWith('--') || (index === 0 && !takesArguments));
  return words.filter((word) => !knownOption(command, word) && !mailctlHelp.includes(` ${word} `));
}

function knownOption(command: Command, word: string): boolean {
  return word === '--help' || command.options.some((option) => option.long === word);
}

/** Every command with an action, by its words. */
function commandsBelow(command: Command, words: readonly string[] = []): string[] {
  const below = command.commands.flatMap((child) => commandsBelow(child, [...words, child.name()]));
  return words.length > 0 && (command.commands.length === 0 || doesSomething(command))
    ? [words.join(' '), ...below]
    : below;
}

function allBelow(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allBelow(child)]);
}

/** commander has no public API for this, but shows the subcommand as optional in the usage. */
function doesSomething(command: Command): boolean {
  return command.options.length > 0 || /^Exit codes/m.test(helpOf(command));
}

function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  return help;
}

describe('mailctl in the documentation', () => {
  const named = PAGES.map(read).flatMap(commandsIn);

  it('is checked against all commands of mailctl', () => {
    const list = /^Commands:\n((?: {2}.*\n)+)/m.exec(mailctlHelp)?.[1] ?? '';
    const names = [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = '']) => name);

    expect(names).toEqual([...program.commands.map((command) => command.name()).sort(), 'help']);
  });

  it.each([...new Set([...named, ...ALL_ALARMS.map(({ first }) => `mailctl ${first}`)])])(
    'names a command that exists: %s',
    (line) => {
      expect(unknownWords(line)).toEqual([]);
    },
  );

  it.each(['mailctl dlq purge', 'mailctl doctor --onyl dns', 'mailctl alerts', 'mailctl secrets vault now'])(
    'would fail for %s',
    (line) => {
      expect(unknownWords(line)).toHaveLength(1);
    },
  );

  it.each(commandsBelow(program))('documents %s in docs/mailctl.md', (words) => {
    const page = commandsIn(read('docs/mailctl.md'));

    expect(page.some((line) => `${line} `.startsWith(`mailctl ${words} `))).toBe(true);
  });

  it('speaks in its help of no deployment, domain or secret in particular', () => {
    const helps = [program, ...allBelow(program)].map(helpOf).join('\n');

    // The option --project names its default.
    const others = helps.replaceAll(/\(default:[^)]*\bkeybuzz\)/g, '');
    expect(others.match(/.*keybuzz.*/gi)).toBeNull();
  });

  it('names only existing groups of mailctl doctor', () => {
    const asked = [
      ...PAGES.map(read)
        .join('\n')
        .matchAll(/mailctl doctor --only ([a-z,]+)/g),
    ];
    const doctor = program.commands.find((command) => command.name() === 'doctor') ?? program;
    const groups = /^Groups: ([a-z, \n]+)\./m.exec(helpOf(doctor))?.[1]?.split(/,\s+/) ?? [];

    expect(groups).toEqual(expect.arrayContaining(asked.flatMap(([, names = '']) => names.split(','))));
    expect(asked).not.toEqual([]);
  });
});
