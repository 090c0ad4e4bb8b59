import { EventEmitter } from 'node:events';

/** The default timeout is 10 s, so that a missing entry fails the test that waits for it, by name. */
export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Records entries in order, and lets callers wait for future ones. */
export class Recorder<Entry> {
  readonly #subject: string;
  readonly #entries: Entry[] = [];
  readonly #emitter = new EventEmitter<{ entry: [Entry]; end: [] }>();
  #ended = false;

  /** @param subject name of an entry, for messages of failed waits */
  constructor(subject: string) {
    this.#subject = subject;
    // each wait adds a listener; a test may wait for hundreds of entries at once
    this.#emitter.setMaxListeners(0);
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#emitter.emit('entry', entry);
  }

  /** Forgets the entries so far, so that a long run does not grow. */
  clear(): void {
    this.#entries.length = 0;
  }

  /** Calls the listener for each entry from now on, until the returned function is called. */
  subscribe(listener: (entry: Entry) => void): () => void {
    this.#emitter.on('entry', listener);
    return () => this.#emitter.off('entry', listener);
  }

  /** Resolves with the first past or future entry that matches the predicate. */
  waitFor(predicate: (entry: Entry) => boolean, options: WaitOptions = {}): Promise<Entry> {
    const past = this.#entries.find(predicate);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
      const fail = (error: unknown): void => {
        stop();
        reject(error);
      };
      const onEntry = (entry: Entry): void => {
        if (!predicate(entry)) return;
        stop();
        resolve(entry);
      };
      const onEnd = (): void => fail(new Error(`the server was closed before the ${this.#subject} came`));
      const onAbort = (): void => fail(signal?.reason);
      const timer = setTimeout(
        () => fail(new Error(`no such ${this.#subject} within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const stop = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#emitter.off('entry', onEntry).off('end', onEnd);
      };
      this.#emitter.on('entry', onEntry).on('end', onEnd);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted) onAbort();
      else if (this.#ended) onEnd();
    });
  }

  /** No more entries will be added: rejects all waits. */
  end(): void {
    this.#ended = true;
    this.#emitter.emit('end');
  }
}
