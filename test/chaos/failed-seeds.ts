/** A run of the whole pipeline that once ended with a mail that was lost, unexplained or misreported, and why. */
export interface FailedSeed {
  readonly mails: number;
  readonly seed: number;
  readonly minutes: number;
  readonly why: string;
}

/** `npm test` runs them all again: keep them small. */
export const FAILED_SEEDS: readonly FailedSeed[] = [
  {
    mails: 150,
    seed: 6,
    minutes: 0.15,
    why: 'SQS took a message, its response was lost, and SMTP took the retry: a window that no page named',
  },
];
