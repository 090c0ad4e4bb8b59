import { errorName } from '../../lib/common/errors.ts';
import { type EventPace, type EvidenceWait, evidenceWaitMs } from '../../lib/domain/event-latency.ts';
import type { EventBacklog, EventLatencies, LedgerPart } from '../../lib/ports/ledger.ts';
import type { Clock, Log } from '../../lib/ports/runtime.ts';
import { FEEDBACK_LONGEST_RETRY_SECONDS, FEEDBACK_VISIBILITY_SECONDS } from '../feedback/constants.ts';
import { isInDoubt } from './send-plan.ts';

export interface EventWaitParts {
  readonly latencies: EventLatencies;
  readonly backlog: EventBacklog;
  readonly eventWait: EvidenceWait;
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
export async function heldUntilOf(
  parts: readonly LedgerPart[],
  wait: EventWaitParts,
): Promise<(part: LedgerPart) => Date | undefined> {
  const now = wait.clock.now();
  const lost = parts.filter((part) => isInDoubt(part) && endOf(part) <= now);
  const pace = lost.length === 0 ? NO_PACE : await paceOf(wait);
  const dueAt = (part: LedgerPart) => later(endOf(part), waitMs(pace, endOf(part), wait.eventWait));
  const isDue = (part: LedgerPart) => dueAt(part) <= now;
  const isPassed = (part: LedgerPart) => isYounger(pace, later(endOf(part), LONGEST_KEPT_BACK_MS));
  const pilesUp = lost.some((part) => isDue(part) && !isPassed(part)) && (await anyWaiting(wait));
  return (part) => {
    if (endOf(part) > now) return endOf(part);
    if (!isDue(part)) return dueAt(part);
    const last = later(endOf(part), LONGEST_HOLD_MS);
    if (!pilesUp || isPassed(part) || last <= now) return undefined;
    return new Date(Math.min(last.getTime(), now.getTime() + LOOK_AGAIN_MS));
  };
}

/** Events come in no order: one whose try failed waits for the next, or for the visibility timeout. */
const LONGEST_KEPT_BACK_MS = 1000 * (FEEDBACK_VISIBILITY_SECONDS + FEEDBACK_LONGEST_RETRY_SECONDS);

/** A queue that is never empty, and of which nothing younger comes: half a day is all that a mail waits for it. */
const LONGEST_HOLD_MS = 12 * 60 * 60 * 1000;

function waitMs(pace: EventPace, end: Date, eventWait: EvidenceWait): number {
  const measured = evidenceWaitMs(pace.counts, eventWait);
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
export async function eventDueAt(wait: EventWaitParts): Promise<Date> {
  const now = wait.clock.now();
  return later(now, waitMs(await paceOf(wait), now, wait.eventWait));
}

const NO_PACE: EventPace = { counts: [] };

async function paceOf({ latencies, clock, log }: EventWaitParts): Promise<EventPace> {
  try {
    return await latencies.recent(clock.now());
  } catch (error) {
    log.warn('event-pace-unknown', errorName(error));
    return NO_PACE;
  }
}

/** Where that cannot be asked, it is as if: a mail that waits is better than one that comes twice. */
async function anyWaiting({ backlog, log }: EventWaitParts): Promise<boolean> {
  try {
    return await backlog.anyWaiting();
  } catch (error) {
    log.warn('backlog-unknown', errorName(error));
    return true;
  }
}

/** A part that only an event made has no claim, and is sent. */
function endOf({ claim }: LedgerPart): Date {
  return claim?.endsAt ?? new Date(0);
}
