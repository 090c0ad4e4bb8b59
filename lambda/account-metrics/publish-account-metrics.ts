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

/** What is asked for what only the account knows. */
type AccountSource = keyof typeof SOURCES;

/** All are asked at once, and each is told of whatever becomes of the others. */
const SOURCES = { account: tellOfAccount, keys: tellOfKeys, entries: tellOfEntries } as const;

/**
 * Counts what only the account knows, and logs what could not be learnt.
 *
 * @returns the sources that did not answer, or not in full; it does not throw
 */
export async function publishAccountMetrics(deps: AccountMetricsDeps): Promise<AccountSource[]> {
  const sources = Object.keys(SOURCES) as AccountSource[];
  const toldOf = await Promise.all(sources.map((source) => tellOrLog(source, deps)));
  return sources.filter((_, index) => toldOf[index] === false);
}

async function tellOrLog(source: AccountSource, deps: AccountMetricsDeps): Promise<boolean> {
  try {
    const unreadable = await SOURCES[source](deps);
    if (unreadable.length > 0) deps.log.error('response-unreadable', { source, unreadable });
    return unreadable.length === 0;
  } catch (error) {
    deps.log.error('service-failed', { source, ...errorName(error) });
    return false;
  }
}

/** The facts that an answer did not tell. */
type Unreadable = readonly string[];

async function tellOfAccount({ sendingAccount, metrics }: AccountMetricsDeps): Promise<Unreadable> {
  const { quota, isPaused } = await sendingAccount.state();
  if (quota !== undefined) metrics.add('QuotaUsed', percentUsed(quota));
  // What has no limit has no line to be drawn at.
  if (quota?.kind === 'limited') metrics.add('QuotaLimit', quota.limit);
  if (isPaused !== undefined) metrics.add('SendingPaused', isPaused ? 1 : 0);
  return [...(quota === undefined ? ['quota'] : []), ...(isPaused === undefined ? ['pause'] : [])];
}

/** More than 100 where a quota was lowered. One of nothing is used up. */
function percentUsed(quota: SendingQuota): number {
  if (quota.kind === 'unlimited') return 0;
  return quota.limit === 0 ? 100 : (100 * quota.used) / quota.limit;
}

async function tellOfKeys({ accessKeys, metrics, clock, log }: AccountMetricsDeps): Promise<Unreadable> {
  const oldest = await accessKeys.oldestActive();
  // The worker cannot hand over then, and says so itself. It is no fault of this function.
  if (oldest.kind === 'none') log.warn('no-active-key');
  if (oldest.kind === 'found') {
    const days = Math.floor((clock.now().getTime() - oldest.createdAt.getTime()) / DAY_MS);
    // The clock of IAM may be ahead of this one.
    metrics.add('KeyAgeDays', Math.max(days, 0));
  }
  return oldest.kind === 'unreadable' ? ['key'] : [];
}

async function tellOfEntries({ entries, metrics }: AccountMetricsDeps): Promise<Unreadable> {
  const count = await entries.items();
  if (count !== undefined) metrics.add('SuppressionEntries', count);
  return count === undefined ? ['count'] : [];
}
