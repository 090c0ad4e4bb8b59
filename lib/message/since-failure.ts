import { QUEUE_RETENTION_DAYS } from './limits.ts';

/** So far two clocks may be apart; AWS takes no request that is signed by a clock which is off by more. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** A mail may wait in the queue, then in the dead letters, and SES tries for less than a day. */
const LONGEST_MS = (2 * QUEUE_RETENTION_DAYS + 1) * 24 * 60 * 60 * 1000;

/**
 * How long a mail took, in milliseconds; 0 where the clock of the API is a little ahead. The time of the failure is
 * the caller's word: what can only be a wrong clock, or made up, is undefined, and must not spoil a measure.
 */
export function sinceFailureMs(failedAt: Date, until: Date): number | undefined {
  const ms = until.getTime() - failedAt.getTime();
  return ms >= -CLOCK_SKEW_MS && ms <= LONGEST_MS ? Math.max(ms, 0) : undefined;
}
