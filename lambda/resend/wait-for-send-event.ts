import { errorName } from '../../lib/common/errors.ts';
import { HOUR_MS } from '../../lib/common/time.ts';
import { type EventPace, type SendEventTimeout, sendEventTimeoutMs } from '../../lib/domain/event-latency.ts';
import { type EventBacklog, type EventLatencies, isUnknown, type SendBatch } from '../../lib/ports/ledger.ts';
import type { Clock, Log } from '../../lib/ports/runtime.ts';
import { FEEDBACK_MAX_RETRY_SECONDS, FEEDBACK_VISIBILITY_SECONDS } from '../feedback/constants.ts';

export interface SendEventDeps {
  readonly latencies: EventLatencies;
  readonly backlog: EventBacklog;
  readonly eventWait: SendEventTimeout;
  readonly clock: Clock;
  readonly log: Log;
}

/** How soon to check again while events are waiting to be applied. */
const CHECK_AGAIN_MS = 60_000;

/** What is known of SES's events at the time of a try. */
export interface ObservedEvents {
  readonly pace: EventPace;
  readonly timeout: SendEventTimeout;
  /** True if events have come in and are not applied yet, or that is not known. */
  readonly areWaiting: boolean;
}

/** Asks for the events only as far as one of the batches depends on them: most mails have no unknown batch. */
export async function observeEvents(
  batches: readonly SendBatch[],
  deps: SendEventDeps,
): Promise<ObservedEvents> {
  const now = deps.clock.now();
  const unknown = batches.filter((batch) => isUnknown(batch, now) && endOf(batch) <= now);
  const pace = unknown.length === 0 ? NO_PACE : await readPace(deps);
  const observed = { pace, timeout: deps.eventWait, areWaiting: false };
  const dependsOnBacklog = unknown.some(
    (batch) => eventIsDueAt(batch, observed) <= now && !isPassed(batch, pace),
  );
  return dependsOnBacklog ? { ...observed, areWaiting: await anyWaiting(deps) } : observed;
}

/**
 * When a batch whose result is open may be tried again: after its claim and, if that ended without a response, after
 * SES's Send event would be in the ledger, had SES taken the mail. Past that time, no event means no mail. Undefined
 * if it may be tried now.
 *
 * The time is measured, and a measure of better days says nothing of events that SES is late with, nor of those that
 * wait in the queue. So the short measure counts only if an event younger than the call has come; and past it, as long
 * as events are waiting, the mail goes on waiting until one was applied that is younger by more than the queue can
 * delay an older one.
 */
export function nextAttemptAt(batch: SendBatch, observed: ObservedEvents, now: Date): Date | undefined {
  const end = endOf(batch);
  if (end > now) return end;
  const dueAt = eventIsDueAt(batch, observed);
  if (dueAt > now) return dueAt;
  const last = later(end, MAX_WAIT_MS);
  if (!observed.areWaiting || isPassed(batch, observed.pace) || last <= now) return undefined;
  return new Date(Math.min(last.getTime(), now.getTime() + CHECK_AGAIN_MS));
}

function eventIsDueAt(batch: SendBatch, { pace, timeout }: ObservedEvents): Date {
  return later(endOf(batch), waitMs(pace, endOf(batch), timeout));
}

/** True if so young an event was applied that the batch's own would have been applied before it. */
function isPassed(batch: SendBatch, pace: EventPace): boolean {
  return isYounger(pace, later(endOf(batch), MAX_EVENT_DELAY_MS));
}

/** Events come in no order: one whose try failed waits for the next try, or for the visibility timeout. */
const MAX_EVENT_DELAY_MS = 1000 * (FEEDBACK_VISIBILITY_SECONDS + FEEDBACK_MAX_RETRY_SECONDS);

/** If the queue never empties and no younger event comes, a mail waits half a day at most. */
const MAX_WAIT_MS = 12 * HOUR_MS;

function waitMs(pace: EventPace, end: Date, eventWait: SendEventTimeout): number {
  const measured = sendEventTimeoutMs(pace.counts, eventWait);
  return isYounger(pace, end) ? measured : Math.max(measured, eventWait.defaultMs);
}

/** True if an event was applied of a mail that SES took after the time. */
function isYounger({ newestSentAt }: EventPace, than: Date): boolean {
  return newestSentAt !== undefined && newestSentAt > than;
}

function later(date: Date, ms: number): Date {
  return new Date(date.getTime() + ms);
}

/** When the event of a call that ended just now without a response is due, by what is known now. */
export async function eventDueAt(deps: SendEventDeps): Promise<Date> {
  const now = deps.clock.now();
  return later(now, waitMs(await readPace(deps), now, deps.eventWait));
}

const NO_PACE: EventPace = { counts: [] };

async function readPace({ latencies, clock, log }: SendEventDeps): Promise<EventPace> {
  try {
    return await latencies.recent(clock.now());
  } catch (error) {
    log.warn('event-latency-unknown', errorName(error));
    return NO_PACE;
  }
}

/** Counts as true if the queue does not respond: a mail that waits is better than one that comes twice. */
async function anyWaiting({ backlog, log }: SendEventDeps): Promise<boolean> {
  try {
    return await backlog.anyWaiting();
  } catch (error) {
    log.warn('backlog-unknown', errorName(error));
    return true;
  }
}

/** A batch that only an event made has no claim, and is sent. */
function endOf({ claim }: SendBatch): Date {
  return claim?.endsAt ?? new Date(0);
}
