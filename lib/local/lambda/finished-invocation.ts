import type { InvocationOutcome } from './invocation.ts';

/** One invocation of a function, as Lambda's own metrics tell of it. */
export interface FinishedInvocation {
  /** When the handler was given the event; where it never was, when its process died. */
  readonly startedAt: Date;
  /** Without the time that loading the bundle took. */
  readonly durationMs: number;
  /** It threw, ran out of time or crashed. A batch that failed in part is no failure. */
  readonly failed: boolean;
  /** How many ran at its start, itself included. */
  readonly concurrent: number;
}

/** Takes the time of one invocation. */
export class InvocationWatch {
  readonly #concurrent: () => number;
  #begun: { readonly startedAt: Date; readonly beganMs: number; readonly concurrent: number } | undefined;

  /** @param concurrent how many run now */
  constructor(concurrent: () => number) {
    this.#concurrent = concurrent;
  }

  begin(): void {
    this.#begun = this.#now();
  }

  end({ kind }: InvocationOutcome): FinishedInvocation {
    const { beganMs, ...start } = this.#begun ?? this.#now();
    return { ...start, durationMs: performance.now() - beganMs, failed: kind !== 'answered' };
  }

  #now() {
    return { startedAt: new Date(), beganMs: performance.now(), concurrent: this.#concurrent() };
  }
}
