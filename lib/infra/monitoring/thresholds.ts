import type { Settings } from '../settings.ts';

/** Thresholds of alarms that dashboards draw too. */

/**
 * The rates at which we want an alarm, at which AWS reviews an account, and at which it pauses sending.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html
 */
export const REPUTATION = {
  bounce: { alarm: 0.04, review: 0.05, pause: 0.1 },
  complaint: { alarm: 0.0008, review: 0.001, pause: 0.005 },
} as const;

/** Of what SES allows in 24 hours. */
export const QUOTA_NEAR_PERCENT = 80;

/** The same number of days as in `mailctl doctor`. */
export const KEY_OLD_DAYS = 90;

/**
 * Messages of a standard queue that are received and not deleted.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
export const MAX_IN_FLIGHT = 120_000;

/** Three quarters of it leave the time to act. */
export const IN_FLIGHT_NEAR = 90_000;

/** How old an unread receipt may get. */
export const RECEIPTS_UNREAD_SECONDS = 30 * 60;

/** How long an urgent mail may wait: other mail delays it by 2 seconds at most. */
export const URGENT_WAITING_SECONDS = 2 * 60;

type EventWait = Pick<Settings, 'eventWaitDefaultSeconds'>;

/** How long a mail may wait in the queue; longer than the wait for the event of a lost response. */
export function mailWaitingSeconds({ eventWaitDefaultSeconds }: EventWait): number {
  return Math.max(30 * 60, 2 * eventWaitDefaultSeconds);
}

/** How long an event may wait: about as long as a mail waits for it. */
export function feedbackStuckSeconds({ eventWaitDefaultSeconds }: EventWait): number {
  return Math.max(15 * 60, eventWaitDefaultSeconds);
}
