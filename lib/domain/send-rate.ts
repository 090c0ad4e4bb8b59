import { SES_MAX_RECIPIENTS } from './limits.ts';

/**
 * The one line in which the calls of all functions wait for SES, by the generic cell rate algorithm: the state
 * is the time at which the next free slot begins, and a call takes as many slots as it has recipients, since SES
 * counts recipients. Mail that is not urgent may take slots only a moment ahead, so that an urgent one never
 * finds a long line before it.
 *
 * - https://www.itu.int/rec/T-REC-I.371 (virtual scheduling)
 * - https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html
 */
export interface SendLine {
  /** When the next free slot begins; in the past if SES is idle. */
  readonly nextSlotMs: number;
  /** When normal mail next has a turn even if urgent mail fills the line. */
  readonly normalDueMs: number;
  /** Undefined until SES answered for the first time. */
  readonly quota?: QuotaReading | undefined;
  /** When a function last began to ask SES for the quota. */
  readonly askedAtMs?: number | undefined;
  /** The last time that SES refused a call for its rate, although the line was kept. */
  readonly throttled?: Throttle | undefined;
}

/** The limits of the account, and its use of the last 24 hours. */
export interface SendQuota {
  /** Recipients. */
  readonly perSecond: number;
  /** Recipients in 24 hours; undefined if there is no limit. */
  readonly perDay?: number | undefined;
  readonly usedToday: number;
}

interface QuotaReading extends SendQuota {
  /** When SES was asked; `usedToday` also counts the slots taken since. */
  readonly readAtMs: number;
}

interface Throttle {
  readonly atMs: number;
  /** The share of the rate that was used from then on. */
  readonly share: number;
}

export const EMPTY_LINE: SendLine = { nextSlotMs: 0, normalDueMs: 0 };

/** Calls of one function that wait for their turns, all of one priority. */
export interface TurnRequest {
  /** Of each call, in the order of their turns. */
  readonly recipients: readonly number[];
  readonly isUrgent: boolean;
}

export type TurnGrant =
  /** The first calls of the request may be made, each at its time. */
  | { readonly kind: 'granted'; readonly line: SendLine; readonly startsMs: readonly number[] }
  | { readonly kind: 'wait'; readonly cause: 'rate' | 'daily-quota'; readonly untilMs: number };

/** How far ahead of now urgent mail may take a slot. */
const URGENT_HORIZON_MS = 1_500;

/** Of what normal mail may take ahead, so much is left when it comes for more: longer than that takes. */
const REFILL_SHARE = 0.5;

/** Of the rate, if urgent mail alone would fill it. */
const NORMAL_SHARE = 0.1;

/** Of the 24-hour quota, which only urgent mail may use. */
const URGENT_QUOTA_SHARE = 0.05;

/**
 * The share of the quota that is used: a call reaches SES later than planned by some milliseconds, and the next
 * one may not. With two a second and more SES's own tolerance for bursts covers that, as does less than this.
 */
const USED_SHARE = 0.98;
const USED_SHARE_BELOW_TWO = 0.955;

/** Before SES was ever asked: that of the sandbox, the least there is. */
const UNKNOWN_QUOTA: SendQuota = { perSecond: 1, usedToday: 0 };

/** How often SES is asked for the quota. */
const QUOTA_INTERVAL_MS = 60_000;

/** The longest that a function needs to ask for it. */
const ASKING_MS = 10_000;

/** After SES refused a call for its rate, by how much, and how soon it is used in full again. */
const YIELD = 0.9;
const MIN_SHARE = 0.1;
const RECOVERY_PER_MS = 0.02 / 1000;
const MIN_YIELD_INTERVAL_MS = 1_000;

/** Gives the first calls their turns; those that must still wait get none. */
export function takeTurns(seen: SendLine, { recipients, isUrgent }: TurnRequest, nowMs: number): TurnGrant {
  const quota = seen.quota ?? UNKNOWN_QUOTA;
  const slotMs = 1000 / currentRate(seen, nowMs);
  const line = withoutClockJumps(seen, slotMs, nowMs);
  const shortHorizonMs = nowMs + normalHorizon(slotMs);
  const horizonMs = nowMs + horizonOf(line, isUrgent, slotMs, nowMs);
  const available = availableToday(quota, isUrgent);

  const startsMs: number[] = [];
  let nextSlotMs = line.nextSlotMs;
  let taken = 0;
  for (const count of recipients) {
    if (nextSlotMs > horizonMs || taken + count > available) break;
    const startMs = Math.max(nextSlotMs, nowMs);
    startsMs.push(startMs);
    nextSlotMs = startMs + count * slotMs;
    taken += count;
    // Past the short horizon, normal mail is due for one call.
    if (!isUrgent && nextSlotMs > shortHorizonMs) break;
  }
  if (startsMs.length === 0) {
    return (recipients[0] ?? 0) > available
      ? { kind: 'wait', cause: 'daily-quota', untilMs: nextQuotaMs(seen, nowMs) }
      : { kind: 'wait', cause: 'rate', untilMs: nextTryMs(line, isUrgent, slotMs, nowMs) };
  }
  return {
    kind: 'granted',
    startsMs,
    line: {
      ...line,
      nextSlotMs,
      ...(isUrgent ? {} : { normalDueMs: nowMs + (taken * slotMs) / NORMAL_SHARE }),
      ...(line.quota === undefined
        ? {}
        : { quota: { ...line.quota, usedToday: line.quota.usedToday + taken } }),
    },
  };
}

/** Recipients a second that are used now. */
export function currentRate(line: SendLine, nowMs: number): number {
  const { perSecond } = line.quota ?? UNKNOWN_QUOTA;
  return perSecond * (perSecond < 2 ? USED_SHARE_BELOW_TWO : USED_SHARE) * unthrottledShare(line, nowMs);
}

/** How much later than its turn a call may be made: SES tolerates less where it allows one call at a time. */
export function toleratedDelayMs({ quota }: SendLine): number {
  const { perSecond } = quota ?? UNKNOWN_QUOTA;
  return perSecond < 2 ? 40 : BURST_MS;
}

/** The longest that one call takes of the line, unless it has only one recipient. */
const BURST_MS = 500;

/**
 * The recipients of one call. AWS documents a tolerance for bursts without its size: a call is at most what half
 * a second of the rate allows, so that it neither exceeds that nor holds up urgent mail.
 */
export function maxRecipientsOfCall({ quota }: SendLine): number {
  const { perSecond } = quota ?? UNKNOWN_QUOTA;
  return Math.min(Math.max(Math.floor((perSecond * BURST_MS) / 1000), 1), SES_MAX_RECIPIENTS);
}

/** SES refused a call for its rate: another sender shares the account, or its limit fell. */
export function afterThrottling(line: SendLine, nowMs: number): SendLine {
  const sinceMs = nowMs - (line.throttled?.atMs ?? 0);
  // The calls under way are refused for the same reason.
  if (sinceMs >= 0 && sinceMs < MIN_YIELD_INTERVAL_MS) return line;
  const share = Math.max(unthrottledShare(line, nowMs) * YIELD, MIN_SHARE);
  return {
    ...line,
    throttled: { atMs: nowMs, share },
    nextSlotMs: Math.max(line.nextSlotMs, nowMs + MIN_YIELD_INTERVAL_MS),
  };
}

/** SES refused a call since the quota of 24 hours is used up, whatever it said before. */
export function afterQuotaUsedUp(line: SendLine, nowMs: number): SendLine {
  const quota = line.quota ?? { ...UNKNOWN_QUOTA, readAtMs: nowMs };
  return { ...line, quota: { ...quota, usedToday: quota.perDay ?? Number.MAX_SAFE_INTEGER } };
}

export function withQuota(line: SendLine, quota: SendQuota, nowMs: number): SendLine {
  return { ...line, quota: { ...quota, readAtMs: nowMs } };
}

/** Whether SES is to be asked: by one function, and by another if that one does not report back. */
export function isQuotaStale({ quota, askedAtMs }: SendLine, nowMs: number): boolean {
  if (askedAtMs !== undefined && Math.abs(nowMs - askedAtMs) < ASKING_MS) return false;
  return quota === undefined || Math.abs(nowMs - quota.readAtMs) >= QUOTA_INTERVAL_MS;
}

/**
 * Normal mail may take slots only so far ahead that with one more call the line is no longer than what urgent mail may
 * take: so that is always before it.
 */
function normalHorizon(slotMs: number): number {
  return URGENT_HORIZON_MS - Math.min(Math.max(slotMs, BURST_MS), URGENT_HORIZON_MS);
}

/** A normal call that is due may be the last in the line, however far urgent mail has filled it. */
function horizonOf(line: SendLine, isUrgent: boolean, slotMs: number, nowMs: number): number {
  if (isUrgent) return URGENT_HORIZON_MS;
  if (line.normalDueMs > nowMs) return normalHorizon(slotMs);
  return URGENT_HORIZON_MS + Math.max(slotMs, BURST_MS);
}

/** Normal mail waits until there is room for several calls, so that a write is worth it. */
function nextTryMs(line: SendLine, isUrgent: boolean, slotMs: number, nowMs: number): number {
  if (isUrgent) return Math.max(line.nextSlotMs - URGENT_HORIZON_MS, nowMs + 1);
  const refillMs = line.nextSlotMs - REFILL_SHARE * normalHorizon(slotMs);
  return Math.max(Math.min(refillMs, line.normalDueMs), nowMs + 1);
}

function availableToday({ perDay, usedToday }: SendQuota, isUrgent: boolean): number {
  if (perDay === undefined) {
    return usedToday === Number.MAX_SAFE_INTEGER ? 0 : Number.POSITIVE_INFINITY;
  }
  return perDay - usedToday - (isUrgent ? 0 : urgentReserve(perDay));
}

/** Recipients of the 24-hour quota that only urgent mail may use. */
export function urgentReserve(perDay: number): number {
  return Math.ceil(perDay * URGENT_QUOTA_SHARE);
}

function nextQuotaMs({ quota }: SendLine, nowMs: number): number {
  const dueMs = (quota?.readAtMs ?? 0) + QUOTA_INTERVAL_MS;
  return Math.min(Math.max(dueMs, nowMs + 1_000), nowMs + QUOTA_INTERVAL_MS);
}

function unthrottledShare({ throttled }: SendLine, nowMs: number): number {
  if (throttled === undefined) return 1;
  return Math.min(1, throttled.share + Math.max(nowMs - throttled.atMs, 0) * RECOVERY_PER_MS);
}

/**
 * A function whose clock is wrong must not stop the others: what is longer ahead than the largest call after the
 * horizon, and as much again for clocks that differ a little, is ignored.
 */
function withoutClockJumps(line: SendLine, slotMs: number, nowMs: number): SendLine {
  const longestMs = 2 * (URGENT_HORIZON_MS + BURST_MS + SES_MAX_RECIPIENTS * slotMs);
  return {
    ...line,
    nextSlotMs: line.nextSlotMs > nowMs + longestMs ? nowMs : line.nextSlotMs,
    normalDueMs: line.normalDueMs > nowMs + longestMs / NORMAL_SHARE ? nowMs : line.normalDueMs,
  };
}
