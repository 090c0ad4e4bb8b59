/** How soon to retry a mail that SES did not accept now. */
export type RetryPace =
  /** A sending rate recovers within seconds. */
  | 'rate'
  /** A network or a service recovers within minutes. */
  | 'outage'
  /** A daily quota, a paused account or a wrong configuration takes hours, or an operator. */
  | 'hours';

const FIRST_DELAY_SECONDS: Record<RetryPace, number> = { rate: 2, outage: 5, hours: 300 };

/**
 * The longest wait between two attempts. Half of it, the minimum with jitter, times the 1,000 receives that
 * SQS allows outlasts the queue's 14-day retention: no outage moves a mail to the dead-letter queue.
 */
const MAX_DELAY_SECONDS = 45 * 60;

/**
 * The visibility timeout for the next attempt, in whole seconds: doubles with each attempt, with half of it
 * random, so that mails that failed together are not retried together.
 *
 * @param receiveCount how often SQS has delivered the message, from 1
 * @param random a number in [0, 1)
 */
export function retryDelaySeconds(pace: RetryPace, receiveCount: number, random: number): number {
  const doublings = Math.min(Math.max(receiveCount, 1) - 1, 20);
  const ceiling = Math.min(FIRST_DELAY_SECONDS[pace] * 2 ** doublings, MAX_DELAY_SECONDS);
  return Math.ceil(ceiling / 2 + (ceiling / 2) * random);
}

export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * How long to wait before the next attempt: doubles each time, with half of it random, so that callers that
 * failed together do not retry together.
 *
 * @param attempt from 1
 * @param random a number in [0, 1)
 */
export function backoffMs({ firstMs, longestMs }: Backoff, attempt: number, random: number): number {
  const doublings = Math.min(Math.max(attempt, 1) - 1, 30);
  const ceiling = Math.min(firstMs * 2 ** doublings, longestMs);
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
