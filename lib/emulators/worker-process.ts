import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const WORKER = fileURLToPath(new URL('../../bin/outbound-worker.ts', import.meta.url));

export interface WorkerProcessOptions {
  /** Environment variables of the worker; it gets no others but PATH. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onLogLine?: (line: string) => void;
}

/** The outbound worker as in production: in its own process. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly healthUrl: string;

  private constructor(child: ChildProcess, healthUrl: string) {
    this.#child = child;
    this.healthUrl = healthUrl;
  }

  /** Resolves when the worker logs `started`. */
  static async start({ environment, onLogLine = () => {} }: WorkerProcessOptions): Promise<WorkerProcess> {
    const child = spawn(process.execPath, [WORKER], {
      env: { ...environment, OUTBOUND_HTTP_HOST: '127.0.0.1', OUTBOUND_HTTP_PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const port = await new Promise<number>((resolve, reject) => {
      forEachLine(child, (line) => {
        onLogLine(line);
        if (line.includes('"event":"started"')) resolve(JSON.parse(line).httpPort);
      });
      child.once('exit', (code) => reject(new Error(`the worker ended with ${code}; see its log`)));
    });
    return new WorkerProcess(child, `http://127.0.0.1:${port}`);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether mails go to SMTP (`closed`) or straight to the queue (`open`). */
  async breaker(): Promise<string> {
    const response = await fetch(`${this.healthUrl}/readyz`);
    const { breaker } = JSON.parse(await response.text());
    return String(breaker);
  }

  /** Resolves with the exit code. */
  async stop(): Promise<number | null> {
    return endProcess(this.#child, 'SIGTERM');
  }

  async kill(): Promise<void> {
    await endProcess(this.#child, 'SIGKILL');
  }
}

/** Resolves with the exit code; null if a signal ended it. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  const [code] = await exited;
  return typeof code === 'number' ? code : null;
}

function forEachLine(child: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
  }
}
