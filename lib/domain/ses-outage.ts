import type { RetryPace } from './retry.ts';

/**
 * What the functions remember together while SES takes no mail: then only one call in a while finds out whether
 * it does again, and all other mail waits without a try of its own.
 */
export interface SesOutage {
  /** The cause of the last failure, as in the logs. */
  readonly cause: string;
  readonly sinceMs: number;
  /** Failures in a row, those of probes included. */
  readonly failures: number;
  /** When the next probe may be made; undefined while single failures are not yet an outage. */
  readonly probeAtMs?: number | undefined;
}

/** A failure that does not depend on the mail. */
export interface ServiceFailure {
  readonly cause: string;
  /** `hours` needs an operator or AWS: it is an outage at once. */
  readonly pace: 'outage' | 'hours';
}

/** Single failures of the network are common; this many in a row are not. */
const FAILURES_TO_OUTAGE = 3;

/** A success of another function may not have been counted between older ones. */
const IN_A_ROW_MS = 60_000;

/** Between probes: doubled with each up to the longest, which is also how late the end of an outage is seen. */
const FIRST_PROBE_MS = 2_000;
const LONGEST_PROBE_MS = { outage: 30_000, hours: 120_000 } as const;

/** A probe whose function was killed is followed by another after this time; longer than a call takes. */
const PROBE_LEASE_MS = 30_000;

/**
 * The causes that concern all mail alike. Others (an identity of the sandbox that is not verified) concern one
 * mail, and the next one may be sent.
 */
const CAUSES_FOR_ALL_MAIL: ReadonlySet<string> = new Set([
  'access-denied',
  'account-suspended',
  'answer-lost',
  'configuration-set-missing',
  'sending-paused',
  'ses-unavailable',
  'ses-unreachable',
]);

export function concernsAllMail(cause: string): boolean {
  return CAUSES_FOR_ALL_MAIL.has(cause);
}

/**
 * How soon to retry the mail whose call failed. A cause that all functions remember does not need its long waits: the
 * mail would still wait when the cause is gone and all others are sent.
 */
export function paceOfMail({ cause, pace }: { readonly cause: string; readonly pace: RetryPace }): RetryPace {
  const isRemembered = concernsAllMail(cause) || cause === 'daily-quota';
  return isRemembered && pace === 'hours' ? 'outage' : pace;
}

export type OutageGate =
  | { readonly kind: 'open' }
  /** The caller may make one call, and must report its result; until then no other may. */
  | { readonly kind: 'probe'; readonly outage: SesOutage }
  | { readonly kind: 'closed'; readonly cause: string; readonly untilMs: number };

/** Whether calls may be made now. */
export function passOutage(outage: SesOutage | undefined, nowMs: number): OutageGate {
  if (outage?.probeAtMs === undefined) return { kind: 'open' };
  const { probeAtMs } = outage;
  // A function whose clock is wrong must not put off the probe.
  const isPlausible = probeAtMs <= nowMs + 2 * LONGEST_PROBE_MS.hours;
  if (probeAtMs > nowMs && isPlausible) return { kind: 'closed', cause: outage.cause, untilMs: probeAtMs };
  return { kind: 'probe', outage: { ...outage, probeAtMs: nowMs + PROBE_LEASE_MS } };
}

/** True if only probes are made. */
export function isClosed(outage: SesOutage | undefined): outage is SesOutage {
  return outage?.probeAtMs !== undefined;
}

export function afterFailure(
  before: SesOutage | undefined,
  { cause, pace }: ServiceFailure,
  nowMs: number,
): SesOutage {
  const isOld = before?.probeAtMs === undefined && Math.abs(nowMs - (before?.sinceMs ?? 0)) > IN_A_ROW_MS;
  const outage = isOld ? undefined : before;
  const failures = (outage?.failures ?? 0) + 1;
  const sinceMs = outage?.sinceMs ?? nowMs;
  const isOutage = pace === 'hours' || isClosed(outage) || failures >= FAILURES_TO_OUTAGE;
  if (!isOutage) return { cause, sinceMs, failures };
  const doublings = Math.min(Math.max(failures - FAILURES_TO_OUTAGE, 0), 20);
  const waitMs = Math.min(FIRST_PROBE_MS * 2 ** doublings, LONGEST_PROBE_MS[pace]);
  return { cause, sinceMs, failures, probeAtMs: nowMs + waitMs };
}
