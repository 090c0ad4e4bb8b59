import { setTimeout as delay } from 'node:timers/promises';
import type { DlqClient, ReceivedDeadLetter } from '../../../adapters/sqs/dlq-client.ts';
import type { Progress } from '../../terminal.ts';
import { type DeadLetter, readDeadLetter } from '../dead-letters.ts';

/**
 * Visibility timeout, many times what ten dead letters take. If SQS is slower, one is received again and
 * moved twice, which the ledger handles. Short, so that after a kill they are soon visible again.
 */
const VISIBILITY_TIMEOUT_SECONDS = 30;

/** Keeps dead letters that were not chosen out of later polls; after a kill they reappear after this time. */
const SKIPPED_VISIBILITY_SECONDS = 600;

/** A dead letter that fails this often is left in the queue. */
const MAX_TRIES = 3;

/** After this many empty polls in a row, the missing ones are in flight with another consumer. */
const EMPTY_POLLS = 3;

/** The result for each dead letter. */
export type DeadLetterResult = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly code: string };

export interface ProcessDeps {
  readonly box: DlqClient;
  readonly pace: RateLimiter;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface ProcessOutcome {
  readonly done: number;
  /** Left in the queue after several tries, by the error code of the last one. */
  readonly failed: ReadonlyMap<string, number>;
  /** Not received again: in flight with another consumer, or deleted by it. */
  readonly missing: number;
  /** The error that ended the run early; the rest is still in the queue. */
  readonly broken: { readonly error: unknown } | undefined;
}

/**
 * Processes exactly the chosen dead letters, by SQS message ID: a redriven one that fails again comes back as
 * a new message, and must not be processed again in the same run. SQS cannot look up a message by ID, so the
 * queue is scanned, and the others stay in flight until the end.
 *
 * @param work processes at most ten dead letters; returns the result for each, by SQS message ID
 */
export function processDeadLetters(
  chosen: ReadonlySet<string>,
  deps: ProcessDeps,
  work: DeadLetterProcessor,
): Promise<ProcessOutcome> {
  return new Scan(chosen, deps, work).run();
}

export type DeadLetterProcessor = (
  deadLetters: readonly DeadLetter[],
) => Promise<ReadonlyMap<string, DeadLetterResult>>;

class Scan {
  readonly #deps: ProcessDeps;
  readonly #work: DeadLetterProcessor;
  readonly #left: Set<string>;
  /** Receipt handles of the messages that this scan has in flight. */
  readonly #held = new Map<string, string>();
  readonly #tries = new Map<string, number>();
  readonly #failed = new Map<string, number>();
  #done = 0;
  #emptyPolls = 0;

  constructor(chosen: ReadonlySet<string>, deps: ProcessDeps, work: DeadLetterProcessor) {
    this.#left = new Set(chosen);
    this.#deps = deps;
    this.#work = work;
  }

  async run(): Promise<ProcessOutcome> {
    const { box, pace, signal, progress } = this.#deps;
    let broken: ProcessOutcome['broken'];
    try {
      while (this.#left.size > 0 && this.#emptyPolls < EMPTY_POLLS && !signal.aborted) {
        await pace.turn(signal);
        if (!signal.aborted) await this.#turn();
      }
    } catch (error) {
      broken = { error };
    } finally {
      progress.stop();
      await box.giveBack([...this.#held.values()]);
    }
    return { done: this.#done, failed: this.#failed, missing: this.#left.size, broken };
  }

  async #turn(): Promise<void> {
    const { box, pace, progress } = this.#deps;
    const messages = await box.receive({ most: pace.most, holdSeconds: VISIBILITY_TIMEOUT_SECONDS });
    this.#emptyPolls = messages.length === 0 ? this.#emptyPolls + 1 : 0;
    for (const { queueMessageId, receiptHandle } of messages) this.#held.set(queueMessageId, receiptHandle);
    const isChosen = ({ queueMessageId }: ReceivedDeadLetter) => this.#left.has(queueMessageId);
    const others = messages.filter((message) => !isChosen(message));
    await box.giveBack(handlesOf(others), SKIPPED_VISIBILITY_SECONDS);
    const deadLetters = messages.filter(isChosen).map(readDeadLetter);
    if (deadLetters.length === 0) return;
    pace.did(deadLetters.length);
    const results = await this.#work(deadLetters);
    const again = deadLetters.filter(
      (deadLetter) => !this.#settle(deadLetter, results.get(deadLetter.queueMessageId)),
    );
    await box.giveBack(handlesOf(again));
    progress.set(this.#done);
  }

  /** False if it must be tried again. */
  #settle({ queueMessageId: id }: DeadLetter, result: DeadLetterResult | undefined): boolean {
    if (result?.kind === 'done') {
      this.#held.delete(id);
      this.#left.delete(id);
      this.#done += 1;
      return true;
    }
    const tried = (this.#tries.get(id) ?? 0) + 1;
    this.#tries.set(id, tried);
    if (tried < MAX_TRIES) {
      this.#held.delete(id);
      return false;
    }
    const code = result?.code ?? 'NoAnswer';
    this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1);
    this.#left.delete(id);
    return true;
  }
}

function handlesOf(messages: readonly ReceivedDeadLetter[]): readonly string[] {
  return messages.map(({ receiptHandle }) => receiptHandle);
}

/** Limits the rate of work over time. */
export class RateLimiter {
  readonly #perSecond: number;
  #nextAt = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Maximum batch size: at most one second's worth, and at most the SQS batch size. */
  get most(): number {
    return Math.min(10, Math.max(1, Math.floor(this.#perSecond)));
  }

  /** Returns early if the signal aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const waitMs = this.#nextAt - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {});
  }

  did(count: number): void {
    this.#nextAt = Math.max(this.#nextAt, performance.now()) + (count * 1000) / this.#perSecond;
  }
}
