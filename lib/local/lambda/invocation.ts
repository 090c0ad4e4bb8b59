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
