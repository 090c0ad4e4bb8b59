import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../common/errors.ts';
import { loggedError } from '../domain/logged-error.ts';
import { type Backoff, backoffMs } from '../domain/retry.ts';
import type { Completion, Outbox, WorkerObserver } from '../ports/outbox.ts';
import type { Log } from '../ports/runtime.ts';

/** How long the first outcome waits for others: a statement for each would cost as much as its mail. */
const GATHER_MS = 15;

const BACKOFF: Backoff = { firstMs: 100, longestMs: 5_000 };

export interface CompletionWriterDeps {
  readonly outbox: Outbox;
  readonly observer: WorkerObserver;
  readonly log: Log;
  readonly random: () => number;
  /** Called for each delivery whose row has been written. */
  readonly onWritten: (id: string) => void;
}

/**
 * Writes outcomes to the outbox. Outcomes that arrive during a write go into the next one. A failed write is
 * retried until it succeeds: a lost outcome means a mail sent twice.
 */
export class CompletionWriter {
  readonly #deps: CompletionWriterDeps;
  readonly #givenUp = new AbortController();
  #pending: Completion[] = [];
  #writing: Promise<void> | undefined;

  constructor(deps: CompletionWriterDeps) {
    this.#deps = deps;
  }

  add(completion: Completion): void {
    this.#pending.push(completion);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything is written or given up. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  /** Stops retrying: the leases expire, and another worker takes over. */
  giveUp(): void {
    this.#givenUp.abort();
  }

  async #writeAll(): Promise<void> {
    let failures = 0;
    await this.#pause(GATHER_MS);
    while (this.#pending.length > 0 && !this.#givenUp.signal.aborted) {
      const batch = this.#pending;
      this.#pending = [];
      if (await this.#write(batch)) {
        failures = 0;
        await this.#pause(GATHER_MS);
        continue;
      }
      failures += 1;
      this.#pending = [...batch, ...this.#pending];
      await this.#pause(backoffMs(BACKOFF, failures, this.#deps.random()));
    }
    this.#writing = undefined;
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#givenUp.signal }).catch(() => {});
  }

  async #write(batch: readonly Completion[]): Promise<boolean> {
    const { outbox, observer, log, onWritten } = this.#deps;
    try {
      const late = await outbox.complete(batch);
      for (const id of late) {
        observer.lateCompletion();
        log.error('lease-lost', { deliveryId: id });
      }
      for (const { id } of batch) onWritten(id);
      return true;
    } catch (error) {
      observer.outboxError(errorCode(error));
      log.error('outbox-unavailable', {
        while: 'settling',
        ...loggedError(error),
        deliveries: batch.length,
      });
      return false;
    }
  }
}
