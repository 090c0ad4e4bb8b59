import { DAY_MS } from '../common/time.ts';

/**
 * Holds back mail to addresses that were never delivered to, before AWS reviews the account for its bounces or
 * complaints: such mail is what bounces.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html
 */
export interface ReputationFuse {
  readonly cause: FuseCause;
  /** The rate that tripped it, as a share. */
  readonly rate: number;
  readonly trippedAtMs: number;
  /** Set by the operator: until then it lets all mail pass. */
  readonly resetUntilMs?: number | undefined;
}

export const FUSE_CAUSES = ['bounce-rate', 'complaint-rate'] as const;
export type FuseCause = (typeof FUSE_CAUSES)[number];

/** What SES counted in a quarter of an hour, for all senders of the account. */
export interface SendStatistics {
  readonly atMs: number;
  readonly attempts: number;
  readonly bounces: number;
  readonly complaints: number;
}

/** AWS reviews an account at 5 % of bounces and 0.1 % of complaints. It trips at four fifths of that. */
export const FUSE_TRIP_RATES: Record<FuseCause, number> = { 'bounce-rate': 0.04, 'complaint-rate': 0.0008 };

/**
 * It resets below this: between the two it stays as it is. The rate of a whole day must be as low, too: mail that is
 * held does not bounce, so that the newest rate is good soon, and the held mail would trip it again at once.
 */
export const FUSE_RESET_RATES: Record<FuseCause, number> = { 'bounce-rate': 0.03, 'complaint-rate': 0.0006 };

/** AWS looks at a "representative volume" without saying how much; one complaint of few mails says nothing. */
const REPRESENTATIVE_ATTEMPTS: Record<FuseCause, number> = { 'bounce-rate': 1_000, 'complaint-rate': 10_000 };
const MIN_ATTEMPTS: Record<FuseCause, number> = { 'bounce-rate': 200, 'complaint-rate': 2_500 };

/** How long mail passes after the operator's reset, whatever the rates: they fall only with mail that is sent. */
export const FUSE_RESET_MS = DAY_MS;

export interface ReputationRate {
  readonly cause: FuseCause;
  /** Of the newest mails. */
  readonly rate: number;
  /** Of the last 24 hours; 0 without mail. */
  readonly dayRate: number;
}

/** The rates of the newest mails, as many as are representative; without those of which there are too few. */
export function reputationRates(statistics: readonly SendStatistics[], nowMs: number): ReputationRate[] {
  const newest = [...statistics].sort((one, other) => other.atMs - one.atMs);
  return FUSE_CAUSES.flatMap((cause) => {
    let attempts = 0;
    let failures = 0;
    for (const point of newest) {
      if (attempts >= REPRESENTATIVE_ATTEMPTS[cause]) break;
      attempts += point.attempts;
      failures += failuresIn(point, cause);
    }
    if (attempts < MIN_ATTEMPTS[cause]) return [];
    return [{ cause, rate: failures / attempts, dayRate: dayRateOf(newest, cause, nowMs) }];
  });
}

function dayRateOf(statistics: readonly SendStatistics[], cause: FuseCause, nowMs: number): number {
  const ofDay = statistics.filter(({ atMs }) => nowMs - atMs < DAY_MS);
  const attempts = ofDay.reduce((sum, point) => sum + point.attempts, 0);
  return ofDay.reduce((sum, point) => sum + failuresIn(point, cause), 0) / Math.max(attempts, 1);
}

function failuresIn(point: SendStatistics, cause: FuseCause): number {
  return cause === 'bounce-rate' ? point.bounces : point.complaints;
}

/** The fuse after SES's statistics were read; undefined if it does not hold. */
export function judgeReputation(
  fuse: ReputationFuse | undefined,
  rates: readonly ReputationRate[],
  nowMs: number,
): ReputationFuse | undefined {
  const worst = rates
    .filter(({ cause, rate }) => rate >= FUSE_TRIP_RATES[cause])
    .sort(
      (one, other) => other.rate / FUSE_TRIP_RATES[other.cause] - one.rate / FUSE_TRIP_RATES[one.cause],
    )[0];
  const trip = worst && { cause: worst.cause, rate: worst.rate };
  if (fuse === undefined) return trip && { ...trip, trippedAtMs: nowMs };
  // After the operator's reset it stays open until the rates are good, or the time is over.
  const isStillBad = rates.some(
    ({ cause, rate, dayRate }) => Math.max(rate, dayRate) >= FUSE_RESET_RATES[cause],
  );
  return isStillBad ? { ...fuse, ...trip } : undefined;
}

/** Whether mail that is not urgent, to addresses never delivered to, is held. */
export function isHolding(fuse: ReputationFuse | undefined, nowMs: number): fuse is ReputationFuse {
  return fuse !== undefined && (fuse.resetUntilMs ?? 0) <= nowMs;
}

/** The fuse after the operator's reset. */
export function resetFuse(fuse: ReputationFuse, nowMs: number): ReputationFuse {
  return { ...fuse, resetUntilMs: nowMs + FUSE_RESET_MS };
}
