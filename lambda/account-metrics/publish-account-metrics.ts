import { errorName } from '../../lib/common/errors.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import type { ItemCount, SendingAccount, SendingQuota, UserAccessKeys } from '../../lib/ports/account.ts';
import type { Clock, Log, Metrics } from '../../lib/ports/runtime.ts';

export interface AccountMetricsDeps {
  readonly sendingAccount: SendingAccount;
  /** Of the API's user. */
  readonly accessKeys: UserAccessKeys;
  /** Of the suppression list. */
  readonly entries: ItemCount;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
}

type AccountSource = keyof typeof SOURCES;

/** All run in parallel; each publishes even if another fails. */
const SOURCES = { account: publishAccount, keys: publishKeys, entries: publishEntries } as const;

/**
 * Publishes metrics that only the account's APIs can supply, and logs what could not be read. It does not
 * throw.
 *
 * @returns the sources that failed or responded incompletely
 */
export async function publishAccountMetrics(deps: AccountMetricsDeps): Promise<AccountSource[]> {
  const sources = Object.keys(SOURCES) as AccountSource[];
  const published = await Promise.all(sources.map((source) => publishOrLog(source, deps)));
  return sources.filter((_, index) => published[index] === false);
}

async function publishOrLog(source: AccountSource, deps: AccountMetricsDeps): Promise<boolean> {
  try {
    const unreadable = await SOURCES[source](deps);
    if (unreadable.length > 0) deps.log.error('response-unreadable', { source, unreadable });
    return unreadable.length === 0;
  } catch (error) {
    deps.log.error('service-failed', { source, ...errorName(error) });
    return false;
  }
}

/** Values missing from a response. */
type Unreadable = readonly string[];

async function publishAccount({ sendingAccount, metrics }: AccountMetricsDeps): Promise<Unreadable> {
  const { quota, maxPerSecond, isPaused } = await sendingAccount.state();
  if (quota !== undefined) metrics.add('QuotaUsed', percentUsed(quota));
  // An unlimited quota has no limit to draw.
  if (quota?.kind === 'limited') metrics.add('QuotaLimit', quota.limit);
  if (maxPerSecond !== undefined) metrics.add('QuotaRate', maxPerSecond);
  if (isPaused !== undefined) metrics.add('SendingPaused', isPaused ? 1 : 0);
  return [
    ...(quota === undefined ? ['quota'] : []),
    ...(maxPerSecond === undefined ? ['rate'] : []),
    ...(isPaused === undefined ? ['pause'] : []),
  ];
}

/** Above 100 if the quota was lowered below usage. A quota of 0 counts as used up. */
function percentUsed(quota: SendingQuota): number {
  if (quota.kind === 'unlimited') return 0;
  return quota.limit === 0 ? 100 : (100 * quota.used) / quota.limit;
}

async function publishKeys({ accessKeys, metrics, clock, log }: AccountMetricsDeps): Promise<Unreadable> {
  const oldest = await accessKeys.oldestActive();
  // The worker cannot hand over then, and reports that itself. It is no error of this function.
  if (oldest.kind === 'none') log.warn('no-active-key');
  if (oldest.kind === 'found') {
    const days = Math.floor((clock.now().getTime() - oldest.createdAt.getTime()) / DAY_MS);
    // IAM's clock may be ahead.
    metrics.add('KeyAgeDays', Math.max(days, 0));
  }
  return oldest.kind === 'unreadable' ? ['key'] : [];
}

async function publishEntries({ entries, metrics }: AccountMetricsDeps): Promise<Unreadable> {
  const count = await entries.items();
  if (count !== undefined) metrics.add('SuppressionEntries', count);
  return count === undefined ? ['count'] : [];
}
