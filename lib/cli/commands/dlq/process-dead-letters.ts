import { setTimeout as delay } from 'node:timers/promises';
import type { DlqClient, ReceivedDeadLetter } from '../../../adapters/sqs/dlq-client.ts';
import { type DeadLetter, readDeadLetter } from '../../lookups/dead-letters.ts';
import type { Progress } from '../../terminal.ts';

/**
 * Many times what ten letters take. Should SQS be slower, one is handed out again and moved twice, which the ledger
 * copes with; and after a kill nobody waits long.
 */
const IN_HAND_SECONDS = 30;

/** Letters that are not meant are kept out of the way; after a kill they are back after this. */
const ASIDE_SECONDS = 600;

/** A letter that fails so often is left. */
const MAX_TRIES = 3;

/** So many polls in a row that bring nothing: what is missing is in somebody else's hand. */
const EMPTY_POLLS = 3;

/** What became of each letter. */
export type DeadLetterResult = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly code: string };

export interface ProcessDeps {
  readonly box: DlqClient;
  readonly pace: RateLimiter;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface ProcessOutcome {
  readonly done: number;
  /** Left where they are after several tries, by the code that the last one failed with. */
  readonly failed: ReadonlyMap<string, number>;
  /** Not seen again: somebody else has them in hand, or took them away. */
  readonly missing: number;
  /** What ended it before its time; the rest is where it was. */
  readonly broken: { readonly error: unknown } | undefined;
}

/**
 * Works exactly the letters that were chosen before, by the ids that the queue gave them: one that is worked and fails
 * again comes back as another message, and must not be met again in the same run. SQS cannot be asked for a message by
 * its id, so the queue is walked, and the others are kept out of the way until the end.
 *
 * @param work at most ten letters; says what became of each, by its id of the queue
 */
export function processDeadLetters(
  chosen: ReadonlySet<string>,
  deps: ProcessDeps,
  work: DeadLetterProcessor,
): Promise<ProcessOutcome> {
  return new Walk(chosen, deps, work).run();
}

export type DeadLetterProcessor = (
  deadLetters: readonly DeadLetter[],
) => Promise<ReadonlyMap<string, DeadLetterResult>>;

class Walk {
  readonly #deps: ProcessDeps;
  readonly #work: DeadLetterProcessor;
  readonly #left: Set<string>;
  /** The receipt handles of what this walk holds. */
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
    const messages = await box.receive({ most: pace.most, holdSeconds: IN_HAND_SECONDS });
    this.#emptyPolls = messages.length === 0 ? this.#emptyPolls + 1 : 0;
    for (const { queueMessageId, receiptHandle } of messages) this.#held.set(queueMessageId, receiptHandle);
    const isChosen = ({ queueMessageId }: ReceivedDeadLetter) => this.#left.has(queueMessageId);
    const others = messages.filter((message) => !isChosen(message));
    await box.giveBack(handlesOf(others), ASIDE_SECONDS);
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

  /** False where it is to be tried again. */
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

/** Keeps work to a rate over time. */
export class RateLimiter {
  readonly #perSecond: number;
  #nextAt = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** How many may be done in one go: no more than a second's worth, and no more than SQS takes in a batch. */
  get most(): number {
    return Math.min(10, Math.max(1, Math.floor(this.#perSecond)));
  }

  /** Ends early where the signal aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const waitMs = this.#nextAt - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {});
  }

  did(count: number): void {
    this.#nextAt = Math.max(this.#nextAt, performance.now()) + (count * 1000) / this.#perSecond;
  }
}
