import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { styleText } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import Table from 'cli-table3';

/** Where a command writes, and whom it may ask. */
export interface TerminalStreams {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly errors: Writable & { readonly isTTY?: boolean };
}

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** A bar on standard error, or nothing where nobody looks. */
export interface Progress {
  set(done: number, note?: string): void;
  stop(): void;
}

export interface TerminalOptions {
  /** Results as JSON. */
  readonly json: boolean;
  /** Without asking: every question is answered with yes. */
  readonly yes: boolean;
}

/**
 * What a command says. Results go to standard output, as text or, with `--json`, as one JSON value; all else goes to
 * standard error, so that the output can be piped.
 */
export class Terminal {
  readonly #streams: TerminalStreams;
  readonly #options: TerminalOptions;

  constructor(streams: TerminalStreams, options: TerminalOptions) {
    this.#streams = streams;
    this.#options = options;
  }

  /** The result of the command: the value with `--json`, the text otherwise. */
  result(value: unknown, text: () => string): void {
    const shown = this.#options.json ? JSON.stringify(value, null, 2) : text();
    this.#streams.output.write(shown.endsWith('\n') ? shown : `${shown}\n`);
  }

  /** A line on the way to the result. */
  note(line: string): void {
    this.#streams.errors.write(`${line}\n`);
  }

  /** Coloured where a terminal shows it, and NO_COLOR is not set. */
  paint(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#streams.output, validateStream: true });
  }

  table(head: readonly string[], rows: readonly (readonly string[])[]): string {
    const table = new Table({
      head: [...head],
      style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
      chars: PLAIN,
    });
    for (const row of rows) table.push([...row]);
    return table.toString().replaceAll(/ +$/gm, '');
  }

  /** @param total how many there are to do */
  progress(what: string, total: number): Progress {
    const { errors } = this.#streams;
    if (errors.isTTY !== true) return silentProgress;
    const format = `${what} {bar} {value}/{total} {note} {eta_formatted} left`;
    const bar = new SingleBar({ format, stream: errors, clearOnComplete: true }, Presets.shades_classic);
    bar.start(total, 0, { note: '' });
    return { set: (done, note = '') => bar.update(done, { note }), stop: () => bar.stop() };
  }

  /** Asks a person. Where nobody can answer, and `--yes` is not given, the answer is no; so it is with Ctrl-C. */
  async confirm(question: string): Promise<boolean> {
    if (this.#options.yes) return true;
    const { input, errors } = this.#streams;
    if (input.isTTY !== true) return false;
    const lines = createInterface({ input, output: errors });
    try {
      const closed = once(lines, 'close').then(() => '');
      const answer = await Promise.race([lines.question(`${question} [y/N] `).catch(() => ''), closed]);
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      lines.close();
    }
  }
}

const silentProgress: Progress = { set: () => {}, stop: () => {} };

/** Columns without a frame, which a narrow terminal and a paste into a chat both survive. */
const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Breaks a text between words, so that no line is longer; a word that is, stands alone. */
export function wrapWords(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** In the two largest units: `3d 4h`. */
export function age(since: Date, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m` : `${seconds}s`;
}
