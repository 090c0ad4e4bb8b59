import { DAY_MS } from '../common/time.ts';
import { MAX_SOFT_BOUNCES } from './limits.ts';

/** Why an address is suppressed. */
type SuppressionReason = 'hard-bounce' | 'complaint' | 'soft-bounces' | 'manual';

export interface Suppression {
  readonly reason: SuppressionReason;
  readonly since: Date;
  /** The delivery that caused it; absent if an operator added it. */
  readonly deliveryId?: string | undefined;
}

/** One event that counts against an address. */
export interface SuppressionSignal {
  readonly kind: 'hard-bounce' | 'complaint' | 'soft-bounce';
  readonly at: Date;
  readonly deliveryId: string;
  /** Identifies the event. */
  readonly sesMessageId: string;
}

/** How many soft bounces within which window suppress an address. */
export interface SoftBouncePolicy {
  readonly softBounces: number;
  readonly windowDays: number;
}

/** All signals recorded for an address. */
export interface SuppressionRecord {
  readonly hardBounce?: Cause | undefined;
  readonly complaint?: Cause | undefined;
  readonly manual?: { readonly at: Date } | undefined;
  /** By SES message id. */
  readonly softBounces: Readonly<Record<string, Cause>>;
  /** When an operator removed the address; earlier signals no longer count. */
  readonly removedAt?: Date | undefined;
}

interface Cause {
  readonly at: Date;
  readonly deliveryId: string;
}

export const NO_RECORD: SuppressionRecord = { softBounces: {} };

/** Adds a signal; order and repetition do not change the result. */
export function applySignal(record: SuppressionRecord, signal: SuppressionSignal): SuppressionRecord {
  const cause: Cause = { at: signal.at, deliveryId: signal.deliveryId };
  switch (signal.kind) {
    case 'hard-bounce':
      return { ...record, hardBounce: latest(record.hardBounce, cause) };
    case 'complaint':
      return { ...record, complaint: latest(record.complaint, cause) };
    case 'soft-bounce': {
      const before = Object.hasOwn(record.softBounces, signal.sesMessageId)
        ? record.softBounces[signal.sesMessageId]
        : undefined;
      const softBounces = { ...record.softBounces, [signal.sesMessageId]: latest(before, cause) };
      return { ...record, softBounces: newest(softBounces, MAX_SOFT_BOUNCES) };
    }
  }
}

/**
 * Whether an address is suppressed now, and why. Hard bounces and complaints count until an operator removes
 * them. Soft bounces suppress while enough of them lie within the window, so that a formerly full mailbox is
 * tried again.
 */
export function toSuppression(
  record: SuppressionRecord,
  policy: SoftBouncePolicy,
  now: Date,
): Suppression | undefined {
  const { complaint, hardBounce, manual, removedAt } = record;
  const counts = (cause: { readonly at: Date } | undefined) =>
    cause !== undefined && (removedAt === undefined || cause.at > removedAt);
  if (complaint !== undefined && counts(complaint)) return suppression('complaint', complaint);
  if (hardBounce !== undefined && counts(hardBounce)) return suppression('hard-bounce', hardBounce);
  if (manual !== undefined && counts(manual)) return { reason: 'manual', since: manual.at };
  const since = new Date(now.getTime() - policy.windowDays * DAY_MS);
  const recent = Object.values(record.softBounces)
    .filter((cause) => counts(cause) && cause.at > since)
    .sort(byTime);
  const last = recent[policy.softBounces - 1];
  return last === undefined ? undefined : suppression('soft-bounces', last);
}

function suppression(reason: SuppressionReason, { at, deliveryId }: Cause): Suppression {
  return { reason, since: at, deliveryId };
}

/** The latest, because a cause before a removal must not hide one after it. */
function latest(one: Cause | undefined, other: Cause): Cause {
  return one === undefined || byTime(one, other) < 0 ? other : one;
}

function newest(causes: Record<string, Cause>, count: number): Record<string, Cause> {
  const entries = Object.entries(causes).sort(
    ([oneKey, one], [otherKey, other]) => byTime(other, one) || (oneKey < otherKey ? -1 : 1),
  );
  return Object.fromEntries(entries.slice(0, count));
}

function byTime(one: Cause, other: Cause): number {
  return one.at.getTime() - other.at.getTime() || compare(one.deliveryId, other.deliveryId);
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
