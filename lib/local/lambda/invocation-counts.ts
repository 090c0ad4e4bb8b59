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
