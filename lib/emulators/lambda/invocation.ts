/** What the host and the bootstrap inside of the child say to each other. */
export type Invocation = {
  readonly requestId: string;
  /** The event as JSON, as it travels to a Lambda: what the handler gets has no prototype of ours. */
  readonly event: string;
  /** When the host ends the invocation, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryLimitMb: number;
};

export type BootstrapReport =
  | { readonly kind: 'ready' }
  /** The answer of the handler as JSON; nothing at all is `null`. */
  | { readonly kind: 'answered'; readonly requestId: string; readonly answer: string }
  | { readonly kind: 'threw'; readonly requestId: string; readonly error: LambdaError };

/** An error in the words of the Lambda runtime. */
export type LambdaError = {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
};

export type InvocationOutcome =
  | { readonly kind: 'answered'; readonly answer: string }
  | { readonly kind: 'threw'; readonly error: LambdaError }
  | { readonly kind: 'timed-out' }
  /** The process ended in the middle of the invocation, or before it could begin. */
  | { readonly kind: 'crashed' };

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
export class InvocationRecorder {
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

/** How the invocations of a host ended, since its start. */
export type InvocationCounts = {
  readonly started: number;
  /** Answered, and no message of the batch failed. */
  readonly succeeded: number;
  /** Answered with some or all messages of the batch as failed. */
  readonly partFailed: number;
  /** Answered with what Lambda does not understand. */
  readonly malformed: number;
  readonly threw: number;
  readonly timedOut: number;
  /** The process ended in the middle: it crashed, exited or was killed. */
  readonly crashed: number;
  /** How many processes were started. */
  readonly coldStarts: number;
};

export const NO_INVOCATIONS: InvocationCounts = {
  started: 0,
  succeeded: 0,
  partFailed: 0,
  malformed: 0,
  threw: 0,
  timedOut: 0,
  crashed: 0,
  coldStarts: 0,
};

/** What the handler's answer says about its batch. */
export type BatchVerdict =
  | { readonly kind: 'done'; readonly failedIds: ReadonlySet<string> }
  /** The answer means nothing to Lambda, which then takes the whole batch for failed. */
  | { readonly kind: 'malformed' };

const MALFORMED: BatchVerdict = { kind: 'malformed' };

/**
 * Reads the answer as Lambda does with ReportBatchItemFailures: nothing, `{}` and a list that is null or empty mean
 * that all went well; a list with an entry that has no id, an empty one or one that is not of the batch, and what is
 * no such answer at all, mean that all failed.
 */
export function readBatchAnswer(answer: string, idsOfBatch: readonly string[]): BatchVerdict {
  const value: unknown = JSON.parse(answer);
  if (value === null) return { kind: 'done', failedIds: new Set() };
  if (typeof value !== 'object' || Array.isArray(value)) return MALFORMED;
  const failures = 'batchItemFailures' in value ? value.batchItemFailures : null;
  if (failures === null) return { kind: 'done', failedIds: new Set() };
  if (!Array.isArray(failures)) return MALFORMED;
  const ids = failures.map(itemIdentifier);
  if (!ids.every((id) => typeof id === 'string' && idsOfBatch.includes(id))) return MALFORMED;
  return { kind: 'done', failedIds: new Set(ids.map(String)) };
}

function itemIdentifier(failure: unknown): unknown {
  return typeof failure === 'object' && failure !== null && 'itemIdentifier' in failure
    ? failure.itemIdentifier
    : undefined;
}
