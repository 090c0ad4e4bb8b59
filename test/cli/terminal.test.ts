import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { Terminal, type TerminalOptions } from '../../lib/cli/terminal.ts';

/** A terminal whose streams are pipes, or look like TTYs. */
function aTerminal({
  isTTY = false,
  json = false,
  yes = false,
  quiet = false,
}: Partial<TerminalOptions> & { isTTY?: boolean }) {
  const stream = () => Object.assign(new PassThrough(), { isTTY });
  const [input, output, errors] = [stream(), stream(), stream()];
  const streams = { input, output, errors } as unknown as ConstructorParameters<typeof Terminal>[0];
  const printed = async () => {
    output.end();
    errors.end();
    return { output: await text(output), errors: await text(errors) };
  };
  return { terminal: new Terminal(streams, { json, yes, quiet }), input, printed };
}

describe('a result', () => {
  it('is text, on standard output', async () => {
    const { terminal, printed } = aTerminal({});
    terminal.note('on the way');
    terminal.result({ count: 2 }, () => 'two');
    expect(await printed()).toEqual({ output: 'two\n', errors: 'on the way\n' });
  });

  it('is one JSON value with --json, in the shape of all commands, and is not rendered', async () => {
    const { terminal, printed } = aTerminal({ json: true });
    terminal.note('on the way');
    terminal.result({ count: 2 }, () => {
      throw new Error('rendered');
    });
    terminal.conclude({ command: 'dlq ls', exitCode: 1, error: null });
    const { output } = await printed();
    expect(JSON.parse(output)).toEqual({
      version: 1,
      command: 'dlq ls',
      exitCode: 1,
      data: { count: 2 },
      error: null,
    });
  });

  it('is a document of another program as it is, also with --json', async () => {
    const { terminal, printed } = aTerminal({ json: true });
    terminal.document({ kind: 'Secret' }, () => 'kind: Secret');
    terminal.conclude({ command: 'secrets kubernetes', exitCode: 0, error: null });
    expect(JSON.parse((await printed()).output)).toEqual({ kind: 'Secret' });
  });
});

describe('--quiet', () => {
  it('leaves out progress, and keeps what is wrong', async () => {
    const { terminal, printed } = aTerminal({ quiet: true });
    terminal.note('on the way');
    terminal.failure('it broke');
    expect((await printed()).errors).toBe('it broke\n');
  });
});

describe('what is written to a pipe', () => {
  it('has no colours', () => {
    const { terminal } = aTerminal({});
    expect(terminal.paint('red', 'bad')).toBe('bad');
  });

  it('has no progress', async () => {
    const { terminal, printed } = aTerminal({});
    const progress = terminal.progress('moving', 10);
    progress.set(5);
    progress.stop();
    expect(await printed()).toEqual({ output: '', errors: '' });
  });
});

describe('a table', () => {
  it('has a header line and one line for each row, in columns', () => {
    const { terminal } = aTerminal({});
    const lines = terminal
      .table(
        ['address', 'reason'],
        [
          ['m***@example.org', 'complaint'],
          ['p***@example.org', 'manual'],
        ],
      )
      .split('\n');
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ['address', 'reason'],
      ['m***@example.org', 'complaint'],
      ['p***@example.org', 'manual'],
    ]);
    expect(new Set(lines.map((line) => line.search(/reason|complaint|manual/))).size).toBe(1);
  });
});

describe('a question', () => {
  it.each([
    ['y\n', true],
    ['YES\n', true],
    ['n\n', false],
    ['\n', false],
    ['yesterday\n', false],
  ])('answered with %j', async (answer, expected) => {
    const { terminal, input, printed } = aTerminal({ isTTY: true });
    const confirmed = terminal.confirm('Delete 3 letters?');
    input.write(answer);
    expect(await confirmed).toBe(expected);
    expect((await printed()).errors).toContain('Delete 3 letters? [y/N]');
  });

  it('is answered with no at the end of the input', async () => {
    const { terminal, input } = aTerminal({ isTTY: true });
    const confirmed = terminal.confirm('Delete 3 letters?');
    input.end();
    expect(await confirmed).toBe(false);
  });

  it('is answered with no by Ctrl-C', async () => {
    const { terminal, input } = aTerminal({ isTTY: true });
    const confirmed = terminal.confirm('Delete 3 letters?');
    input.write('\u0003');
    expect(await confirmed).toBe(false);
  });

  it('is answered with no without a terminal', async () => {
    expect(await aTerminal({}).terminal.confirm('Delete 3 letters?')).toBe(false);
  });

  it('is not asked with --yes', async () => {
    const { terminal, printed } = aTerminal({ yes: true });
    expect(await terminal.confirm('Delete 3 letters?')).toBe(true);
    expect((await printed()).errors).toBe('');
  });
});
