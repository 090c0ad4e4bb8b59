import { styleText } from 'node:util';
import { Spinner } from '../../cli/spinner.ts';
import {
  fitColumns,
  padColumns,
  type TerminalStream,
  terminalColumns,
  wrapWords,
} from '../../cli/text-columns.ts';
import type { DemoResult } from './demo.ts';

/** What is printed of a mail, in columns. */
export interface MailLine {
  /** Whether it ended as it should. */
  readonly ok: boolean;
  readonly id: string;
  readonly to: string;
  /** What SMTP said, or the subject. */
  readonly said: string;
  readonly way: string;
  readonly took: string;
}

/** The width of what is written to a pipe. */
const PIPE_WIDTH = 120;

const ID_WIDTH = 11;
const WAY_WIDTH = 8;
const TOOK_WIDTH = 6;
const MAX_TO_WIDTH = 32;
/** The mark, and two blanks between any two columns. */
const BETWEEN = 2 + 4 * 2;

type Paint = Parameters<typeof styleText>[0];

/** The demo on a terminal: one line a mail that fits its width, coloured, and what is waited for. */
export class DemoScreen {
  readonly #stream: TerminalStream;
  readonly #env: NodeJS.ProcessEnv;
  readonly #spinner: Spinner;

  /** @param progress for what is waited for, if it is a terminal */
  constructor(stream: TerminalStream, progress: TerminalStream, env: NodeJS.ProcessEnv) {
    this.#stream = stream;
    this.#env = env;
    this.#spinner = new Spinner(progress);
  }

  get width(): number {
    return terminalColumns(this.#stream, this.#env) ?? PIPE_WIDTH;
  }

  /** Coloured on a terminal, unless NO_COLOR says otherwise. */
  paint(style: Paint, text: string): string {
    return styleText(style, text, { stream: this.#stream, validateStream: true });
  }

  /** Writes a line, or several. */
  say(text: string): void {
    this.#spinner.clear();
    this.#stream.write(`${text}\n`);
  }

  /** Says what is silent from now on, once it has been for a second. */
  wait(what: string): void {
    this.#spinner.wait(what);
  }

  stop(): void {
    this.#spinner.stop();
  }

  scene(title: string): void {
    this.say(`\n${this.paint('bold', wrapWords(title, this.width))}`);
  }

  mail({ ok, id, to, said, way, took }: MailLine): void {
    const free = this.width - BETWEEN - ID_WIDTH - WAY_WIDTH - TOOK_WIDTH;
    const toWidth = Math.min(MAX_TO_WIDTH, Math.max(8, Math.floor(free * 0.42)));
    const cells = [
      padColumns(id, ID_WIDTH),
      padColumns(to, toWidth),
      padColumns(said, Math.max(8, free - toWidth)),
      this.paint(WAY_STYLES[way] ?? 'yellow', padColumns(way, WAY_WIDTH)),
      took.padStart(TOOK_WIDTH),
    ];
    const mark = this.paint(ok ? 'green' : 'red', ok ? '✓' : '✗');
    this.say(`${mark} ${cells.join('  ')}`.trimEnd());
  }

  /** A line that belongs to the one before. */
  detail(text: string): void {
    const width = Math.max(20, this.width - 4);
    for (const line of wrapWords(text, width).split('\n')) {
      this.say(this.paint('dim', `    ${fitColumns(line, width)}`));
    }
  }
}

const WAY_STYLES: Readonly<Record<string, Paint>> = { SMTP: 'green', SES: 'cyan', 'SMTP+SES': 'cyan' };

/** The line of a mail of the story, and under it why it did not reach its recipient. */
export function showResult(screen: DemoScreen, result: DemoResult): void {
  const { id, to, row, arrivals, tookMs, verdict, asItShould: ok } = result;
  const ways = [...new Set(arrivals.map(({ route }) => route.toUpperCase()))];
  screen.mail({
    ok,
    id,
    to: firstOf(to),
    said: whatSmtpSaid(result),
    way: ways.length === 0 ? verdict : ways.join('+'),
    took: tookMs === undefined ? '-' : duration(tookMs),
  });
  if (!ok) screen.detail(`${verdict}; the row says ${row?.status ?? 'nothing'}, which it should not`);
  if (row?.lastError != null) screen.detail(row.lastError);
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function whatSmtpSaid({ row, said }: DemoResult): string {
  if (said !== undefined) return said;
  const attempt = row?.attempts.at(-1);
  if (attempt === undefined) return 'was not asked';
  const { failure, smtp } = attempt;
  if (failure === undefined) return smtp?.response ?? 'took it';
  const detail = failure.response ?? failure.code;
  return detail === undefined ? failure.class : `${failure.class}: ${detail}`;
}

/**
 * What would have become of the mails if the API had sent them by SMTP alone. A mail that bounces, or is not sent
 * since its recipient bounced, counts as none that the pipeline saved.
 */
export function withoutPipeline(results: readonly DemoResult[]): string {
  const saved = results.filter(({ row, arrivals }) => {
    const isDelivered = row === undefined || row.status === 'delivered';
    return isDelivered && arrivals.some(({ route }) => route === 'ses');
  });
  const partly = saved.filter(({ arrivals }) => arrivals.some(({ route }) => route === 'smtp'));
  const lost = saved.length - partly.length;
  const short =
    partly.length === 0
      ? ''
      : `, and ${partly.length} ${partly.length === 1 ? 'would miss' : 'would each miss'} a recipient`;
  return `without the pipeline ${lost} of these ${results.length} mails would be lost${short}`;
}

/** The first recipient, and how many more there are. */
export function firstOf([first = '', ...more]: readonly string[]): string {
  return more.length === 0 ? first : `${first} +${more.length}`;
}
