import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The clocks of other processes, which can be made wrong: each process loads `jumping-clock.ts` first. */
export class Clocks {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async start(): Promise<Clocks> {
    return new Clocks(await mkdtemp(join(tmpdir(), 'chaos-clocks-')));
  }

  /** For the processes whose clocks may jump. */
  get environment(): Readonly<Record<string, string>> {
    return {
      CHAOS_CLOCK_DIRECTORY: this.#directory,
      NODE_OPTIONS: `--import=${new URL('./jumping-clock.ts', import.meta.url).href}`,
    };
  }

  /** The clock of this process is wrong by that much from now on; by 0 it is right again. */
  async set(pid: number, offsetMs: number): Promise<void> {
    await writeFile(join(this.#directory, String(pid)), String(offsetMs));
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
