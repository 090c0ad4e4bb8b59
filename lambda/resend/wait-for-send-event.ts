import { errorName } from '../../lib/common/errors.ts';
import { HOUR_MS } from '../../lib/common/time.ts';
import { type EventPace, type SendEventTimeout, sendEventTimeoutMs } from '../../lib/domain/event-latency.ts';
import type { EventBacklog, EventLatencies, SendBatch } from '../../lib/ports/ledger.ts';
import type { Clock, Log } from '../../lib/ports/runtime.ts';
import { FEEDBACK_MAX_RETRY_SECONDS, FEEDBACK_VISIBILITY_SECONDS } from '../feedback/constants.ts';
import { isUnknown } from './send-plan.ts';

export interface SendEventDeps {
  readonly latencies: EventLatencies;
  readonly backlog: EventBacklog;
  readonly eventWait: SendEventTimeout;
  readonly clock: Clock;
  readonly log: Log;
}

/** How soon to look again where events are waiting to be applied. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Until when to keep away from a part: while its call may be under way, and where that ended without an answer, until
 * SES's Send event for it would be in the ledger, had SES taken the mail. Past that time, no event means no mail.
 *
 * The time is measured, and a measure of better days says nothing of events that SES is late with, nor of those that
 * wait in the queue. So the short measure counts only where an event younger than the call has come; and past it, as
 * long as events are waiting, the mail goes on waiting until one was applied that is younger by more than the queue
 * can keep an older one back.
 *
 * @returns what `standingOf` asks of a part
 */
export async function planRetryTimes(
  batches: readonly SendBatch[],
  wait: SendEventDeps,
): Promise<(batch: SendBatch) => Date | undefined> {
  const now = wait.clock.now();
  const lost = batches.filter((batch) => isUnknown(batch) && endOf(batch) <= now);
  const pace = lost.length === 0 ? NO_PACE : await paceOf(wait);
  const dueAt = (batch: SendBatch) => later(endOf(batch), waitMs(pace, endOf(batch), wait.eventWait));
  const isDue = (batch: SendBatch) => dueAt(batch) <= now;
  const isPassed = (batch: SendBatch) => isYounger(pace, later(endOf(batch), MAX_EVENT_DELAY_MS));
  const pilesUp = lost.some((batch) => isDue(batch) && !isPassed(batch)) && (await anyWaiting(wait));
  return (batch) => {
    if (endOf(batch) > now) return endOf(batch);
    if (!isDue(batch)) return dueAt(batch);
    const last = later(endOf(batch), MAX_WAIT_MS);
    if (!pilesUp || isPassed(batch) || last <= now) return undefined;
    return new Date(Math.min(last.getTime(), now.getTime() + LOOK_AGAIN_MS));
  };
}

/** Events come in no order: one whose try failed waits for the next, or for the visibility timeout. */
const MAX_EVENT_DELAY_MS = 1000 * (FEEDBACK_VISIBILITY_SECONDS + FEEDBACK_MAX_RETRY_SECONDS);

/** A queue that is never empty, and of which nothing younger comes: half a day is all that a mail waits for it. */
const MAX_WAIT_MS = 12 * HOUR_MS;

function waitMs(pace: EventPace, end: Date, eventWait: SendEventTimeout): number {
  const measured = sendEventTimeoutMs(pace.counts, eventWait);
  return isYounger(pace, end) ? measured : Math.max(measured, eventWait.defaultMs);
}

/** True where an event was applied of a mail that SES took after the time. */
function isYounger({ newestSentAt }: EventPace, than: Date): boolean {
  return newestSentAt !== undefined && newestSentAt > than;
}

function later(date: Date, ms: number): Date {
  return new Date(date.getTime() + ms);
}

/** When the event of a call that ended just now without an answer is due, as far as anyone can say now. */
export async function eventDueAt(wait: SendEventDeps): Promise<Date> {
  const now = wait.clock.now();
  return later(now, waitMs(await paceOf(wait), now, wait.eventWait));
}

const NO_PACE: EventPace = { counts: [] };

async function paceOf({ latencies, clock, log }: SendEventDeps): Promise<EventPace> {
  try {
    return await latencies.recent(clock.now());
  } catch (error) {
    log.warn('event-pace-unknown', errorName(error));
    return NO_PACE;
  }
}

/** Where that cannot be asked, it is as if: a mail that waits is better than one that comes twice. */
async function anyWaiting({ backlog, log }: SendEventDeps): Promise<boolean> {
  try {
    return await backlog.anyWaiting();
  } catch (error) {
    log.warn('backlog-unknown', errorName(error));
    return true;
  }
}

/** A part that only an event made has no claim, and is sent. */
function endOf({ claim }: SendBatch): Date {
  return claim?.endsAt ?? new Date(0);
}
