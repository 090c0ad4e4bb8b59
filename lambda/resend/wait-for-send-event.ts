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

/** The state of SES's events at the time of a try. */
export interface ObservedEvents {
  readonly pace: EventPace;
  readonly timeout: SendEventTimeout;
  /** True if received events are not applied yet, or if that is unknown. */
  readonly areWaiting: boolean;
}

/** Queries only what one of the batches depends on: most mails have no unknown batch. */
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
 * When a batch with an open result may be retried: after its claim ends and, if the call ended without a
 * response, after SES's Send event would be in the ledger if SES had accepted the mail. After that, no event
 * means no mail. Undefined if it may be retried now.
 *
 * The wait is measured, but a past measurement does not cover events that SES publishes late or that wait in
 * the queue. So the short measured wait applies only if an event younger than the call was applied. After it,
 * while events are waiting, the mail waits until an event was applied that is younger by more than the queue
 * can delay an older one.
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

/** True if an applied event is so young that the batch's own would have been applied before it. */
function isPassed(batch: SendBatch, pace: EventPace): boolean {
  return isYounger(pace, later(endOf(batch), MAX_EVENT_DELAY_MS));
}

/** Events are unordered: one that failed waits for its next try or the visibility timeout. */
const MAX_EVENT_DELAY_MS = 1000 * (FEEDBACK_VISIBILITY_SECONDS + FEEDBACK_MAX_RETRY_SECONDS);

/** Maximum wait if the queue never empties and no younger event is applied. */
const MAX_WAIT_MS = 12 * HOUR_MS;

function waitMs(pace: EventPace, end: Date, eventWait: SendEventTimeout): number {
  const measured = sendEventTimeoutMs(pace.counts, eventWait);
  return isYounger(pace, end) ? measured : Math.max(measured, eventWait.defaultMs);
}

/** True if an event was applied of a mail that SES accepted after that time. */
function isYounger({ newestSentAt }: EventPace, than: Date): boolean {
  return newestSentAt !== undefined && newestSentAt > than;
}

function later(date: Date, ms: number): Date {
  return new Date(date.getTime() + ms);
}

/** When the event of a call that just ended without a response is due. */
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

/** Returns true if the queue does not respond: a delayed mail is better than a duplicate. */
async function anyWaiting({ backlog, log }: SendEventDeps): Promise<boolean> {
  try {
    return await backlog.anyWaiting();
  } catch (error) {
    log.warn('backlog-unknown', errorName(error));
    return true;
  }
}

/** A batch that is known only from an event has no claim, and is sent. */
function endOf({ claim }: SendBatch): Date {
  return claim?.endsAt ?? new Date(0);
}
