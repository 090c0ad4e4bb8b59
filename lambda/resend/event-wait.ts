import { type EventPace, type EvidenceWait, evidenceWaitMs } from '../../lib/message/event-latency.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import { errorName } from '../../lib/ports/error-name.ts';
import type { LedgerPart } from '../../lib/ports/ledger.ts';
import type { Log } from '../../lib/ports/log.ts';
import type { EventBacklog, EventLatencies } from '../../lib/ports/send-events.ts';
import { isInDoubt } from './standing.ts';

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
 * The time is measured, and it says nothing where events pile up: then it goes on until one was applied that is
 * younger than the call, up to the most that was set.
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
  const waitMs = evidenceWaitMs(pace.counts, wait.eventWait);
  const isDue = (part: LedgerPart) => endOf(part).getTime() + waitMs <= now.getTime();
  const isPassed = (part: LedgerPart) => pace.newestSentAt !== undefined && pace.newestSentAt > endOf(part);
  const pilesUp = lost.some((part) => isDue(part) && !isPassed(part)) && (await anyWaiting(wait));
  return (part) => {
    if (endOf(part) > now) return endOf(part);
    if (!isDue(part)) return new Date(endOf(part).getTime() + waitMs);
    const last = endOf(part).getTime() + wait.eventWait.mostMs;
    if (!pilesUp || isPassed(part) || last <= now.getTime()) return undefined;
    return new Date(Math.min(last, now.getTime() + LOOK_AGAIN_MS));
  };
}

/** How long to wait for the event of a call that ended just now without an answer; in milliseconds. */
export async function measuredWaitMs(wait: EventWaitParts): Promise<number> {
  return evidenceWaitMs((await paceOf(wait)).counts, wait.eventWait);
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
