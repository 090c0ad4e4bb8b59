import { fitColumns, type TerminalStream } from './text-columns.ts';

const FRAMES = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const FRAME_MS = 120;

/** A shorter silence needs no explanation. */
const SILENCE_MS = 1_000;

const CLEAR_LINE = '\r\u001b[2K';

/** Says on the last line of a terminal what is waited for, and for how many seconds; on a pipe it is silent. */
export class Spinner {
  readonly #stream: TerminalStream;
  #what = '';
  #since = 0;
  #frame = 0;
  #drawn = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** From now on this is waited for; it shows if nothing else is written for a second. */
  wait(what: string): void {
    if (this.#stream.isTTY !== true) return;
    this.clear();
    this.#what = what;
    this.#since = performance.now();
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS).unref();
  }

  /** To be called before anything else is written to the terminal. */
  clear(): void {
    if (this.#drawn) this.#stream.write(CLEAR_LINE);
    this.#drawn = false;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.clear();
  }

  #draw(): void {
    const waitedMs = performance.now() - this.#since;
    if (waitedMs < SILENCE_MS) return;
    this.#frame = (this.#frame + 1) % FRAMES.length;
    const line = `${FRAMES[this.#frame]} ${this.#what}: ${Math.floor(waitedMs / 1000)} s`;
    this.#stream.write(`${CLEAR_LINE}${fitColumns(line, (this.#stream.columns ?? 80) - 1)}`);
    this.#drawn = true;
  }
}
