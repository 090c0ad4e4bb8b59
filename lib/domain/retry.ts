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
 * The longest wait between two attempts: how late the last mail may be after the cause is gone. What lasts hours for
 * all mail alike is an outage, which the functions remember together; so `hours` are those of one mail alone.
 */
const MAX_DELAY_SECONDS: Record<RetryPace, number> = { rate: 30, outage: 600, hours: 45 * 60 };

/**
 * SQS hands out a message 1,000 times, and that must outlast its retention of 14 days, so that no outage moves it to
 * the dead letters. Two days of outage use up this many; from then on, three quarters of 45 minutes, which is the
 * least with jitter, are enough.
 */
const MAX_FREQUENT_RECEIVES = 400;

/**
 * The visibility timeout for the next attempt, in whole seconds: doubles with each attempt, with half of it
 * random, so that mails that failed together are not retried together.
 *
 * @param receiveCount how often SQS has delivered the message, from 1
 * @param random a number in [0, 1)
 */
export function retryDelaySeconds(pace: RetryPace, receiveCount: number, random: number): number {
  const longest = MAX_DELAY_SECONDS.hours;
  if (receiveCount > MAX_FREQUENT_RECEIVES) return Math.ceil(longest * (0.75 + 0.25 * random));
  const doublings = Math.min(Math.max(receiveCount, 1) - 1, 20);
  const ceiling = Math.min(FIRST_DELAY_SECONDS[pace] * 2 ** doublings, MAX_DELAY_SECONDS[pace]);
  return Math.ceil(ceiling / 2 + (ceiling / 2) * random);
}

/** Below the maximum visibility timeout of SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
const MAX_VISIBILITY_SECONDS = 11 * 60 * 60;

/** The visibility timeout until a moment. Rounded up, at least one second: a message that is received too early has to wait again. */
export function secondsUntil(moment: Date, now: Date): number {
  const seconds = Math.ceil((moment.getTime() - now.getTime()) / 1000);
  return Math.min(Math.max(seconds, 1), MAX_VISIBILITY_SECONDS);
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
