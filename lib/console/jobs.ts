import type { Content } from './view.ts';

/** A change that takes a while, and goes on whatever becomes of the page that started it. */
export interface Job {
  readonly id: string;
  readonly title: string;
  /** The page to return to. */
  readonly back: string;
  readonly done: number;
  readonly total: number;
  readonly state:
    | { readonly kind: 'running' }
    | { readonly kind: 'done'; readonly result: Content }
    | { readonly kind: 'failed'; readonly error: unknown };
  stop(): void;
}

export interface JobWork {
  readonly title: string;
  readonly back: string;
  readonly run: (signal: AbortSignal, onProgress: (done: number, total: number) => void) => Promise<Content>;
}

/** The most that are remembered: the oldest that have ended are forgotten. */
const MAX_JOBS = 50;

/** The changes of this console, in its memory. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #ended: AbortSignal;
  readonly #newId: () => string;

  /** @param ended aborts all when the console ends */
  constructor(ended: AbortSignal, newId: () => string) {
    this.#ended = ended;
    this.#newId = newId;
  }

  start({ title, back, run }: JobWork): Job {
    const id = this.#newId();
    const stopped = new AbortController();
    const update = (change: Partial<Job>) => {
      const known = this.#jobs.get(id);
      if (known !== undefined) this.#jobs.set(id, { ...known, ...change });
    };
    const job: Job = {
      id,
      title,
      back,
      done: 0,
      total: 0,
      state: { kind: 'running' },
      stop: () => stopped.abort(),
    };
    this.#jobs.set(id, job);
    this.#forget();
    run(AbortSignal.any([this.#ended, stopped.signal]), (done, total) => update({ done, total })).then(
      (result) => update({ state: { kind: 'done', result } }),
      (error: unknown) => update({ state: { kind: 'failed', error } }),
    );
    return job;
  }

  find(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  #forget(): void {
    for (const [id, { state }] of this.#jobs) {
      if (this.#jobs.size <= MAX_JOBS) return;
      if (state.kind !== 'running') this.#jobs.delete(id);
    }
  }
}
