import { DAY_MS } from '../common/time.ts';
import { MAX_SOFT_BOUNCES } from './limits.ts';

/** Why an address is not sent to. */
type SuppressionReason = 'hard-bounce' | 'complaint' | 'soft-bounces' | 'manual';

export interface Suppression {
  readonly reason: SuppressionReason;
  readonly since: Date;
  /** The delivery that it came from; absent where a person put it there. */
  readonly deliveryId?: string | undefined;
}

/** What one event says against an address. */
export interface SuppressionSignal {
  readonly kind: 'hard-bounce' | 'complaint' | 'soft-bounce';
  readonly at: Date;
  readonly deliveryId: string;
  /** Tells the same event from another. */
  readonly sesMessageId: string;
}

/** How many soft bounces within how long suppress an address. */
export interface SoftBouncePolicy {
  readonly softBounces: number;
  readonly windowDays: number;
}

/** All that is known against an address. */
export interface SuppressionRecord {
  readonly hardBounce?: Cause | undefined;
  readonly complaint?: Cause | undefined;
  readonly manual?: { readonly at: Date } | undefined;
  /** By the message id of SES. */
  readonly softBounces: Readonly<Record<string, Cause>>;
  /** What happened up to then was forgiven by the person who removed the address. */
  readonly removedAt?: Date | undefined;
}

interface Cause {
  readonly at: Date;
  readonly deliveryId: string;
}

export const NO_RECORD: SuppressionRecord = { softBounces: {} };

/** Adds what an event says; in any order and as often as one likes, the outcome is the same. */
export function applySignal(record: SuppressionRecord, strike: SuppressionSignal): SuppressionRecord {
  const cause: Cause = { at: strike.at, deliveryId: strike.deliveryId };
  switch (strike.kind) {
    case 'hard-bounce':
      return { ...record, hardBounce: latest(record.hardBounce, cause) };
    case 'complaint':
      return { ...record, complaint: latest(record.complaint, cause) };
    case 'soft-bounce': {
      const before = Object.hasOwn(record.softBounces, strike.sesMessageId)
        ? record.softBounces[strike.sesMessageId]
        : undefined;
      const softBounces = { ...record.softBounces, [strike.sesMessageId]: latest(before, cause) };
      return { ...record, softBounces: newest(softBounces, MAX_SOFT_BOUNCES) };
    }
  }
}

/**
 * Whether an address is suppressed now, and by what. Hard bounces and complaints stand until a person removes them.
 * Soft bounces suppress as long as enough of them lie within the window: a mailbox that was full is tried again.
 */
export function toSuppression(
  record: SuppressionRecord,
  policy: SoftBouncePolicy,
  now: Date,
): Suppression | undefined {
  const { complaint, hardBounce, manual, removedAt } = record;
  const stands = (cause: { readonly at: Date } | undefined) =>
    cause !== undefined && (removedAt === undefined || cause.at > removedAt);
  if (complaint !== undefined && stands(complaint)) return suppression('complaint', complaint);
  if (hardBounce !== undefined && stands(hardBounce)) return suppression('hard-bounce', hardBounce);
  if (manual !== undefined && stands(manual)) return { reason: 'manual', since: manual.at };
  const since = new Date(now.getTime() - policy.windowDays * DAY_MS);
  const recent = Object.values(record.softBounces)
    .filter((cause) => stands(cause) && cause.at > since)
    .sort(byTime);
  const last = recent[policy.softBounces - 1];
  return last === undefined ? undefined : suppression('soft-bounces', last);
}

function suppression(reason: SuppressionReason, { at, deliveryId }: Cause): Suppression {
  return { reason, since: at, deliveryId };
}

/** The latest, since one from before a removal must not hide one that came after it. */
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
