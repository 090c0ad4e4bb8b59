/** Messages between the host and the bootstrap in the child process. */
export type Invocation = {
  readonly requestId: string;
  /** The event as JSON, as Lambda receives it, so that the handler gets no prototypes of this process. */
  readonly event: string;
  /** When the host ends the invocation, in Unix milliseconds. */
  readonly deadlineMs: number;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryLimitMb: number;
};

export type BootstrapReport =
  | { readonly kind: 'ready' }
  /** The handler's response as JSON; `null` if there is none. */
  | { readonly kind: 'answered'; readonly requestId: string; readonly answer: string }
  | { readonly kind: 'threw'; readonly requestId: string; readonly error: LambdaError };

/** An error in the format of the Lambda runtime. */
export type LambdaError = {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
};

export type InvocationOutcome =
  | { readonly kind: 'answered'; readonly answer: string }
  | { readonly kind: 'threw'; readonly error: LambdaError }
  | { readonly kind: 'timed-out' }
  /** The process ended during the invocation, or before it began. */
  | { readonly kind: 'crashed' };

/** One invocation of a function, with the values of Lambda's metrics. */
export interface FinishedInvocation {
  /** When the handler received the event; if it never did, when its process ended. */
  readonly startedAt: Date;
  /** Without the time to load the bundle. */
  readonly durationMs: number;
  /** It threw, timed out or crashed. A partial batch failure is not counted. */
  readonly failed: boolean;
  /** Number of running invocations at its start, including itself. */
  readonly concurrent: number;
}

/** Measures one invocation. */
export class InvocationRecorder {
  readonly #concurrent: () => number;
  #start: { readonly startedAt: Date; readonly beganMs: number; readonly concurrent: number } | undefined;

  /** @param concurrent returns the number of running invocations */
  constructor(concurrent: () => number) {
    this.#concurrent = concurrent;
  }

  begin(): void {
    this.#start = this.#now();
  }

  end({ kind }: InvocationOutcome): FinishedInvocation {
    const { beganMs, ...start } = this.#start ?? this.#now();
    return { ...start, durationMs: performance.now() - beganMs, failed: kind !== 'answered' };
  }

  #now() {
    return { startedAt: new Date(), beganMs: performance.now(), concurrent: this.#concurrent() };
  }
}

/** The results of a host's invocations since its start. */
export type InvocationCounts = {
  readonly started: number;
  /** Responded without a failed message. */
  readonly succeeded: number;
  /** Responded with some or all messages as failed. */
  readonly partFailed: number;
  /** Responded with an invalid batch response. */
  readonly malformed: number;
  readonly threw: number;
  readonly timedOut: number;
  /** The process ended during the invocation: it crashed, exited or was killed. */
  readonly crashed: number;
  /** Number of started processes. */
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

/** The result of a batch from the handler's response. */
export type BatchVerdict =
  | { readonly kind: 'done'; readonly failedIds: ReadonlySet<string> }
  /** An invalid response: Lambda treats the whole batch as failed. */
  | { readonly kind: 'malformed' };

const MALFORMED: BatchVerdict = { kind: 'malformed' };

/**
 * Parses the response as Lambda does with ReportBatchItemFailures: no response, `{}` and a null or empty list
 * mean that all succeeded; a list with a missing, empty or unknown id, and any other response, mean that all
 * failed.
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
