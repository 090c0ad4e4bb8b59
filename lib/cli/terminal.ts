import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { styleText } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import Table from 'cli-table3';

/** The streams for a command's output, messages and prompts. */
export interface TerminalStreams {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly errors: Writable & { readonly isTTY?: boolean };
}

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** A progress bar on standard error, or nothing if that is not a terminal. */
export interface Progress {
  set(done: number, note?: string): void;
  stop(): void;
}

export interface TerminalOptions {
  /** Results as JSON. */
  readonly json: boolean;
  /** Answer every prompt with yes. */
  readonly yes: boolean;
}

/**
 * Output of a command. Results go to standard output, as text or, with `--json`, as one JSON value; all else
 * goes to standard error, so that the output can be piped.
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

  /** A progress message. */
  note(line: string): void {
    this.#streams.errors.write(`${line}\n`);
  }

  /** Coloured if the output is a terminal and NO_COLOR is not set. */
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

  /** @param total number of items */
  progress(what: string, total: number): Progress {
    const { errors } = this.#streams;
    if (errors.isTTY !== true) return silentProgress;
    const format = `${what} {bar} {value}/{total} {note} {eta_formatted} left`;
    const bar = new SingleBar({ format, stream: errors, clearOnComplete: true }, Presets.shades_classic);
    bar.start(total, 0, { note: '' });
    return { set: (done, note = '') => bar.update(done, { note }), stop: () => bar.stop() };
  }

  /** Prompts the operator. Without a terminal and without `--yes`, or on Ctrl-C, the answer is no. */
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

/** Columns without borders: readable on a narrow terminal and when pasted into a chat. */
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
