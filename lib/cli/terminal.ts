import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { Readable } from 'node:stream';
import { styleText } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { duration } from '../common/time.ts';
import { renderTable } from './table.ts';
import { type TerminalStream, terminalColumns } from './text-columns.ts';

/** The streams for a command's output, messages and prompts. */
export interface TerminalStreams {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: TerminalStream;
  readonly errors: TerminalStream;
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
  /** Only what is not all right: no progress, and no rows that are OK. @default false */
  readonly quiet?: boolean;
  /** COLUMNS sets the width. @default that of the terminal */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The version of the JSON that commands print; a change that breaks its readers raises it. */
const JSON_VERSION = 1;

/** How a command ended. */
export interface Conclusion {
  /** `dlq ls` */
  readonly command: string;
  readonly exitCode: number;
  readonly error: { readonly code: string; readonly message: string; readonly fix: string } | null;
}

/**
 * Output of a command. Results go to standard output, as text or, with `--json`, as one JSON value; all else
 * goes to standard error, so that the output can be piped.
 */
export class Terminal {
  readonly #streams: TerminalStreams;
  readonly #options: TerminalOptions;
  /** The result of the command, until it is concluded. */
  #result: unknown = null;

  constructor(streams: TerminalStreams, options: TerminalOptions) {
    this.#streams = streams;
    this.#options = options;
  }

  /** Whether only what is not all right is shown. */
  get quiet(): boolean {
    return this.#options.quiet === true;
  }

  /** The width of the output; undefined if it is no terminal, so that no line needs to be cut. */
  get columns(): number | undefined {
    return terminalColumns(this.#streams.output, this.#options.env ?? {});
  }

  /** The result of the command: with `--json` the value, printed when the command is concluded; else the text. */
  result(value: unknown, text: () => string): void {
    if (this.#options.json) this.#result = value;
    else this.#print(text());
  }

  /** A result that another program reads as it is: a manifest for `kubectl apply`, or a script for a shell. */
  document(value: unknown, text: () => string): void {
    this.#result = undefined;
    this.#print(this.#options.json ? JSON.stringify(value, null, 2) : text());
  }

  /** One of many results that are printed as they come: with `--json` a line of its own. */
  stream(value: unknown, text: () => string, command: string): void {
    this.#result = undefined;
    this.#print(
      this.#options.json
        ? JSON.stringify({ version: JSON_VERSION, command, exitCode: null, data: value, error: null })
        : text(),
    );
  }

  /** With `--json`, prints the result in the one shape of all commands. */
  conclude({ command, exitCode, error }: Conclusion): void {
    if (!this.#options.json || (this.#result === undefined && error === null)) return;
    const data = this.#result ?? null;
    this.#print(JSON.stringify({ version: JSON_VERSION, command, exitCode, data, error }, null, 2));
  }

  #print(text: string): void {
    if (text === '') return;
    this.#streams.output.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** A progress message. */
  note(line: string): void {
    if (!this.quiet) this.failure(line);
  }

  /** A message about what is wrong, also with `--quiet`. */
  failure(line: string): void {
    this.#streams.errors.write(`${line}\n`);
  }

  /** Coloured if the output is a terminal and NO_COLOR is not set. */
  paint(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#streams.output, validateStream: true });
  }

  /** Fits the terminal. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): string {
    return renderTable(head, rows, this.columns);
  }

  /** @param total number of items */
  progress(what: string, total: number): Progress {
    const { errors } = this.#streams;
    if (errors.isTTY !== true || this.quiet) return silentProgress;
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

/** Shows nothing. */
export const silentProgress: Progress = { set: () => {}, stop: () => {} };

/** In the two largest units: `3d 4h`. */
export function age(since: Date, now: Date): string {
  return duration(now.getTime() - since.getTime());
}

/** `2026-03-01 02:10 (3h 5m ago)`, in UTC; `(in 5m)` for a time to come. */
export function timeAndAge(time: Date, now: Date): string {
  const minutes = time.toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length).replace('T', ' ');
  return time > now ? `${minutes} (in ${age(now, time)})` : `${minutes} (${age(time, now)} ago)`;
}
