import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { transformSync } from 'esbuild';
import type { BootstrapReport, Invocation, InvocationOutcome } from './invocation.ts';

/** Lambda's timeout for the code outside of the handler. */
const INIT_TIMEOUT_MS = 10_000;

/** As JavaScript: to strip its types, each process would load a compiler, which takes longer than Node itself. */
let bootstrap: string | undefined;

function readBootstrap(): string {
  const source = readFileSync(new URL('./bootstrap.ts', import.meta.url), 'utf8');
  return transformSync(source, { loader: 'ts', format: 'esm' }).code;
}

/** One execution environment: a Node process with the bundle that stays warm between invocations. */
export class LambdaProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #initialized: Promise<void>;
  #ended = false;
  #invoking = false;
  #timedOut = false;
  #settle: ((outcome: InvocationOutcome) => void) | undefined;

  constructor(
    bundleDirectory: string,
    environment: Readonly<Record<string, string>>,
    onLogLine: (line: string) => void,
  ) {
    bootstrap ??= readBootstrap();
    this.#child = spawn(process.execPath, ['--input-type=module', '--eval', bootstrap, bundleDirectory], {
      cwd: bundleDirectory,
      env: { ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      if (output) createInterface({ input: output }).on('line', onLogLine);
    }
    // If a process cannot be killed or written to, 'close' follows.
    this.#child.on('error', () => {});
    this.#closed = new Promise((resolve) => this.#child.once('close', () => resolve()));
    this.#initialized = this.#untilInitialized();
    void this.#closed.then(() => this.#end());
    this.#child.on('message', (report: BootstrapReport) => this.#onReport(report));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** False if the process has ended: the next invocation needs a new one. */
  get alive(): boolean {
    return !this.#ended;
  }

  /** Whether an invocation is running, or the bundle is being loaded for one. */
  get invoking(): boolean {
    return this.#invoking;
  }

  /**
   * Runs the handler once. After the timeout the process is killed, as in Lambda.
   *
   * @param begun called when the handler receives the event
   */
  async invoke(
    invocation: Omit<Invocation, 'deadlineMs'>,
    timeoutMs: number,
    begun: () => void,
  ): Promise<InvocationOutcome> {
    this.#invoking = true;
    try {
      await this.#initialized;
      return this.#ended ? { kind: 'crashed' } : await this.#run(invocation, timeoutMs, begun);
    } finally {
      this.#invoking = false;
    }
  }

  #run(
    invocation: Omit<Invocation, 'deadlineMs'>,
    timeoutMs: number,
    begun: () => void,
  ): Promise<InvocationOutcome> {
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        this.#timedOut = true;
        this.#child.kill('SIGKILL');
      }, timeoutMs);
      this.#settle = (outcome) => {
        clearTimeout(deadline);
        this.#settle = undefined;
        resolve(outcome);
      };
      const message: Invocation = { ...invocation, deadlineMs: Date.now() + timeoutMs };
      this.#child.send(message, (error) => {
        if (error) this.#child.kill('SIGKILL');
      });
      begun();
    });
  }

  /** Kills the process (-9); resolves when it has ended. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  async #untilInitialized(): Promise<void> {
    const timeout = setTimeout(() => this.#child.kill('SIGKILL'), INIT_TIMEOUT_MS);
    await Promise.race([new Promise((resolve) => this.#child.once('message', resolve)), this.#closed]);
    clearTimeout(timeout);
  }

  #onReport(report: BootstrapReport): void {
    if (report.kind === 'answered') this.#settle?.({ kind: 'answered', answer: report.answer });
    if (report.kind === 'threw') this.#settle?.({ kind: 'threw', error: report.error });
  }

  #end(): void {
    this.#ended = true;
    this.#settle?.({ kind: this.#timedOut ? 'timed-out' : 'crashed' });
  }
}

export type LambdaFunction = {
  readonly name: string;
  readonly region: string;
  readonly memoryLimitMb: number;
  readonly bundleDirectory: string;
};

/** Lambda's own variables and the given ones; none of the parent process. */
export function lambdaEnvironment(
  lambda: LambdaFunction,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    AWS_REGION: lambda.region,
    AWS_DEFAULT_REGION: lambda.region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: lambda.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(lambda.memoryLimitMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${lambda.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_SESSION_TOKEN: 'local',
    LAMBDA_TASK_ROOT: lambda.bundleDirectory,
    _HANDLER: 'index.handler',
    LANG: 'en_US.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    TZ: ':UTC',
    ...given,
  };
}
