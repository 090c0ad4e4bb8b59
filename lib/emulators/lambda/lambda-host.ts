import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';
import { type Log, silentLog } from '../../ports/runtime.ts';
import type { InvocationOutcome } from './invocation.ts';
import {
  type FinishedInvocation,
  type InvocationCounts,
  InvocationRecorder,
  NO_INVOCATIONS,
  readBatchAnswer,
} from './invocation.ts';
import { type LambdaFunction, LambdaProcess, lambdaEnvironment } from './lambda-process.ts';
import { EventQueue, sqsEvents } from './sqs-event-source.ts';

/** Delay after a failed poll. */
const POLL_RETRY_MS = 200;
/** Larger batches require a batching window. */
const MAX_BATCH_SIZE_WITHOUT_WINDOW = 10;
const MAX_BATCH_SIZE = 10_000;

/** The queue of an event source mapping. */
type LambdaSource = {
  readonly queueUrl: string;
  readonly queueArn: string;
  /** Maximum number of concurrent invocations with its batches, each in its own process. */
  readonly concurrency: number;
};

export type LambdaHostOptions = LambdaSource & {
  /** A folder with an `index.mjs` that exports `handler`. */
  readonly bundleDirectory: string;
  /** Environment variables of the function, in addition to those that Lambda sets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Further queues that feed the function. @default none */
  readonly otherSources?: readonly LambdaSource[];
  readonly sqs: SQSClient;
  /** 1 to 10; up to 10,000 with a batching window. */
  readonly batchSize: number;
  /** Batching window in seconds. @default 0: one poll per batch */
  readonly batchWindowSeconds?: number;
  /** The function's timeout; the queue's visibility timeout must not be shorter. */
  readonly timeoutSeconds: number;
  /** @default 'resend' */
  readonly functionName?: string;
  /** @default 256 */
  readonly memoryLimitMb?: number;
  /** Called with each line that the function writes to stdout or stderr. */
  readonly onLogLine?: (line: string) => void;
  /** Called with each finished invocation. */
  readonly onInvocation?: (invocation: FinishedInvocation) => void;
  readonly log?: Log;
};

/** Starts the event source mappings of a function, and the function. */
export async function startLambdaHost(options: LambdaHostOptions): Promise<LambdaHost> {
  const { batchSize, batchWindowSeconds = 0 } = options;
  const maxBatchSize = batchWindowSeconds > 0 ? MAX_BATCH_SIZE : MAX_BATCH_SIZE_WITHOUT_WINDOW;
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > maxBatchSize) {
    throw new RangeError(`batchSize is ${batchSize}, it must be a whole number from 1 to ${maxBatchSize}`);
  }
  const host = new LambdaHost(options);
  await host.start();
  return host;
}

type Wait = { readonly signal?: AbortSignal };

type PolledSource = LambdaSource & { readonly queue: EventQueue };

export class LambdaHost {
  readonly #options: LambdaHostOptions;
  readonly #log: Log;
  readonly #function: LambdaFunction;
  readonly #closing = new AbortController();
  readonly #sources: readonly PolledSource[];
  readonly #events = new EventEmitter<{ invocation: []; empty: [] }>();
  readonly #processes = new Set<LambdaProcess>();
  #pollers: readonly Promise<void>[] = [];
  #counts = NO_INVOCATIONS;

  constructor(options: LambdaHostOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#function = {
      name: options.functionName ?? 'resend',
      region: options.queueArn.split(':')[3] ?? '',
      memoryLimitMb: options.memoryLimitMb ?? 256,
      bundleDirectory: options.bundleDirectory,
    };
    this.#sources = [options, ...(options.otherSources ?? [])].map(({ queueUrl, queueArn, concurrency }) => ({
      queueUrl,
      queueArn,
      concurrency,
      queue: new EventQueue(options.sqs, queueUrl, this.#closing.signal),
    }));
  }

  get invocations(): InvocationCounts {
    return this.#counts;
  }

  async start(): Promise<void> {
    for (const { queue } of this.#sources) {
      const visibilitySeconds = await queue.visibilitySeconds();
      if (visibilitySeconds < this.#options.timeoutSeconds) {
        throw new RangeError(
          `The queue's visibility timeout of ${visibilitySeconds} s is less than the function's timeout of ${this.#options.timeoutSeconds} s`,
        );
      }
    }
    this.#pollers = this.#sources.flatMap((source) =>
      Array.from({ length: source.concurrency }, () => this.#pollUntilClosed(source)),
    );
  }

  /**
   * Resolves when the queues are empty: no message is visible, delayed or in flight, which includes failed ones
   * that wait for their visibility timeout. It checks now and after each poll or batch.
   */
  async idle(wait: Wait = {}): Promise<void> {
    const empty = once(this.#events, 'empty', this.#untilClosedOr(wait));
    void this.#checkEmpty();
    await empty;
  }

  /** Resolves when the next handler receives an event. */
  async nextInvocation(wait: Wait = {}): Promise<void> {
    await once(this.#events, 'invocation', this.#untilClosedOr(wait));
  }

  /** Of the processes that are running, warm ones included. */
  get processIds(): readonly number[] {
    return [...this.#processes].flatMap(({ alive, pid }) => (alive && pid !== undefined ? [pid] : []));
  }

  /** Kills (-9) processes with a running invocation. @param most @default all @returns their number */
  async kill(most = Number.POSITIVE_INFINITY): Promise<number> {
    const invoking = this.#invoking().slice(0, most);
    await Promise.all(invoking.map((process) => process.kill()));
    return invoking.length;
  }

  /** Stops at once: ends polls and kills processes; their messages return after the visibility timeout. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('The Lambda host was closed'));
    await Promise.all([...this.#processes].map((process) => process.kill()));
    await Promise.all(this.#pollers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** One poller with its warm process. */
  async #pollUntilClosed(source: PolledSource): Promise<void> {
    let process: LambdaProcess | undefined;
    while (!this.#closing.signal.aborted) {
      for (const event of await this.#poll(source)) {
        if (this.#closing.signal.aborted) return;
        if (!process?.alive) process = this.#startProcess();
        await this.#invoke(process, event, source);
      }
      await this.#checkEmpty();
    }
  }

  async #poll({ queue, queueArn }: PolledSource): Promise<readonly SQSEvent[]> {
    const { batchSize, batchWindowSeconds = 0 } = this.#options;
    try {
      const messages = await queue.poll(batchSize, batchWindowSeconds);
      return sqsEvents(messages, { queueArn, region: this.#function.region });
    } catch (error) {
      if (this.#closing.signal.aborted) return [];
      this.#log.warn('poll-failed', { error: String(error) });
      await delay(POLL_RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
      return [];
    }
  }

  async #invoke(process: LambdaProcess, event: SQSEvent, source: PolledSource): Promise<void> {
    const requestId = randomUUID();
    this.#count('started');
    const recorder = new InvocationRecorder(() => this.#invoking().length);
    const outcome = await process.invoke(
      {
        requestId,
        event: JSON.stringify(event),
        functionName: this.#function.name,
        functionArn: this.#functionArn(),
        memoryLimitMb: this.#function.memoryLimitMb,
      },
      this.#options.timeoutSeconds * 1000,
      () => {
        recorder.begin();
        this.#events.emit('invocation');
      },
    );
    this.#options.onInvocation?.(recorder.end(outcome));
    await this.#settle(event, outcome, requestId, source);
  }

  /** Deletes processed messages. Failed ones are received again after the visibility timeout. */
  async #settle(
    event: SQSEvent,
    outcome: InvocationOutcome,
    requestId: string,
    { queue }: PolledSource,
  ): Promise<void> {
    if (outcome.kind !== 'answered') {
      this.#count(({ threw: 'threw', 'timed-out': 'timedOut', crashed: 'crashed' } as const)[outcome.kind]);
      if (outcome.kind === 'timed-out') this.#reportTimeout(requestId);
      return;
    }
    const ids = event.Records.map(({ messageId }) => messageId);
    const verdict = readBatchAnswer(outcome.answer, ids);
    if (verdict.kind === 'malformed') {
      this.#count('malformed');
      return;
    }
    this.#count(verdict.failedIds.size === 0 ? 'succeeded' : 'partFailed');
    const done = event.Records.filter(({ messageId }) => !verdict.failedIds.has(messageId));
    await queue.delete(done).catch((error: unknown) => {
      // They are received again: SQS delivers at least once.
      this.#log.warn('delete-failed', { error: String(error) });
    });
  }

  #invoking(): LambdaProcess[] {
    return [...this.#processes].filter((process) => process.invoking);
  }

  #startProcess(): LambdaProcess {
    const process = new LambdaProcess(
      this.#options.bundleDirectory,
      lambdaEnvironment(this.#function, this.#options.environment),
      this.#options.onLogLine ?? (() => {}),
    );
    for (const ended of this.#processes) if (!ended.alive) this.#processes.delete(ended);
    this.#processes.add(process);
    this.#count('coldStarts');
    return process;
  }

  async #checkEmpty(): Promise<void> {
    if (this.#closing.signal.aborted || this.#events.listenerCount('empty') === 0) return;
    // If the check fails, it is repeated after the next poll.
    const isEmpty = await this.#areEmpty().catch(() => false);
    if (isEmpty) this.#events.emit('empty');
  }

  /** Twice: the function may have moved a message into a queue that was looked at before. */
  async #areEmpty(): Promise<boolean> {
    for (const { queue } of [...this.#sources, ...this.#sources]) {
      if (!(await queue.isEmpty())) return false;
    }
    return true;
  }

  #reportTimeout(requestId: string): void {
    const seconds = this.#options.timeoutSeconds.toFixed(2);
    const line = `${new Date().toISOString()} ${requestId} Task timed out after ${seconds} seconds`;
    this.#options.onLogLine?.(line);
  }

  #untilClosedOr({ signal }: Wait): { readonly signal: AbortSignal } {
    return { signal: AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]) };
  }

  #functionArn(): string {
    const [, , , region, account] = this.#options.queueArn.split(':');
    return `arn:aws:lambda:${region}:${account}:function:${this.#function.name}`;
  }

  #count(key: keyof InvocationCounts): void {
    this.#counts = { ...this.#counts, [key]: this.#counts[key] + 1 };
  }
}
