/** How soon a mail that SES did not take now is worth another try. */
export type RetryPace =
  /** A sending rate recovers within seconds. */
  | 'rate'
  /** A network or a service comes back within minutes. */
  | 'outage'
  /** A daily quota, a paused account or a wrong set-up takes hours, or a person. */
  | 'hours';

const FIRST_DELAY_SECONDS: Record<RetryPace, number> = { rate: 2, outage: 5, hours: 300 };

/**
 * The longest wait between two tries. Half of it, the least that jitter leaves, times the 1,000 tries that SQS
 * allows outlasts the 14 days of the queue's retention: no outage drives a mail into the dead letters.
 */
const MAX_DELAY_SECONDS = 45 * 60;

/**
 * The visibility timeout for the next try, in whole seconds: it doubles with each try and keeps a random half,
 * so that mails which failed together do not come back together.
 *
 * @param receiveCount how often SQS has handed the message out, from 1
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
 * How long to wait before the next try: twice as long each time, and a random half of it, so that those who failed
 * together do not come back together.
 *
 * @param attempt from 1
 * @param random a number in [0, 1)
 */
export function backoffMs({ firstMs, longestMs }: Backoff, attempt: number, random: number): number {
  const doublings = Math.min(Math.max(attempt, 1) - 1, 30);
  const ceiling = Math.min(firstMs * 2 ** doublings, longestMs);
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
