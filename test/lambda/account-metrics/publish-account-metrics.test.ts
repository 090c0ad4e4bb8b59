import { describe, expect, it } from '@jest/globals';
import {
  type AccountMetricsDeps,
  publishAccountMetrics,
} from '../../../lambda/account-metrics/publish-account-metrics.ts';
import { createJsonLog } from '../../../lib/adapters/json-log.ts';
import { DAY_MS } from '../../../lib/common/time.ts';
import type { OldestKey, SendingQuota, SendingState } from '../../../lib/ports/account.ts';
import { CountedMetrics } from '../../support/counted-metrics.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * DAY_MS);
const limited = (limit: number, used: number): SendingQuota => ({ kind: 'limited', limit, used });

interface Account {
  readonly standing?: SendingState | Error;
  readonly key?: OldestKey | Error;
  readonly items?: number | 'untold' | Error;
}

/** Looks at an account in which all is well but what is said. */
async function lookAt({ standing, key, items }: Account) {
  const metrics = new CountedMetrics();
  const lines: string[] = [];
  const told = async <T>(value: T | Error): Promise<T> => {
    if (value instanceof Error) throw value;
    return value;
  };
  const deps: AccountMetricsDeps = {
    sendingAccount: { state: () => told(standing ?? { quota: limited(200, 50), isPaused: false }) },
    accessKeys: { oldestActive: () => told(key ?? { kind: 'found', createdAt: daysAgo(90) }) },
    entries: {
      items: async () => {
        const count = await told(items ?? 7);
        return count === 'untold' ? undefined : count;
      },
    },
    metrics,
    clock: { now: () => NOW },
    log: createJsonLog((line) => lines.push(line)),
  };
  const unknown = await publishAccountMetrics(deps);
  return { unknown, metrics: metrics.sums, log: lines.map((line) => JSON.parse(line)) };
}

const WELL = { QuotaUsed: 25, QuotaLimit: 200, SendingPaused: 0, KeyAgeDays: 90, SuppressionEntries: 7 };

/** What is well, without some of it. */
const wellWithout = (...names: string[]) =>
  Object.fromEntries(Object.entries(WELL).filter(([name]) => !names.includes(name)));

describe('a look at the account', () => {
  it('counts what it learns, and says nothing', async () => {
    expect(await lookAt({})).toEqual({ unknown: [], metrics: WELL, log: [] });
  });

  it.each([
    ['half', limited(50_000, 25_000), { QuotaUsed: 50, QuotaLimit: 50_000 }],
    ['more than all', limited(200, 300), { QuotaUsed: 150, QuotaLimit: 200 }],
    ['nothing of nothing', limited(0, 0), { QuotaUsed: 100, QuotaLimit: 0 }],
    ['anything of a quota without a limit', { kind: 'unlimited' }, { QuotaUsed: 0 }],
  ] as const)('counts a quota of which %s is used', async (_what, quota, expected) => {
    const { metrics } = await lookAt({ standing: { quota, isPaused: false } });
    expect(metrics).toEqual({ ...wellWithout('QuotaUsed', 'QuotaLimit'), ...expected });
  });

  it('counts that sending is paused', async () => {
    const { metrics } = await lookAt({ standing: { quota: limited(200, 50), isPaused: true } });
    expect(metrics).toEqual({ ...WELL, SendingPaused: 1 });
  });

  it.each([
    ['89 and a half', daysAgo(89.5), 89],
    ['none yet', NOW, 0],
    ['a minute less than none, by the clock of IAM', new Date(NOW.getTime() + 60_000), 0],
  ])('counts the days of a key: %s', async (_what, createdAt, days) => {
    const { metrics, unknown } = await lookAt({ key: { kind: 'found', createdAt } });
    expect(metrics).toEqual({ ...WELL, KeyAgeDays: days });
    expect(unknown).toEqual([]);
  });

  it('gives no age where no key is active, and says so, for that is no failure', async () => {
    const { metrics, unknown, log } = await lookAt({ key: { kind: 'none' } });
    expect(metrics).toEqual(wellWithout('KeyAgeDays'));
    expect(unknown).toEqual([]);
    expect(log).toMatchObject([{ level: 'warn', event: 'no-active-key' }]);
  });

  it.each<[string, Account, readonly string[]]>([
    ['account', { standing: new TypeError() }, ['QuotaUsed', 'QuotaLimit', 'SendingPaused']],
    ['keys', { key: new TypeError() }, ['KeyAgeDays']],
    ['entries', { items: new TypeError() }, ['SuppressionEntries']],
  ])('counts the others where the %s cannot be asked', async (source, account, missing) => {
    const { metrics, unknown, log } = await lookAt(account);
    expect(metrics).toEqual(wellWithout(...missing));
    expect(unknown).toEqual([source]);
    expect(log).toMatchObject([{ level: 'error', event: 'service-failed', source, error: 'TypeError' }]);
  });

  it.each<[string, Account, readonly string[], readonly string[]]>([
    ['account', { standing: { quota: undefined, isPaused: false } }, ['QuotaUsed', 'QuotaLimit'], ['quota']],
    ['account', { standing: { quota: limited(200, 50), isPaused: undefined } }, ['SendingPaused'], ['pause']],
    ['keys', { key: { kind: 'unreadable' } }, ['KeyAgeDays'], ['key']],
    ['entries', { items: 'untold' }, ['SuppressionEntries'], ['count']],
  ])('counts the rest where the answer of the %s is not whole', async (source, account, missing, facts) => {
    const { metrics, unknown, log } = await lookAt(account);
    expect(metrics).toEqual(wellWithout(...missing));
    expect(unknown).toEqual([source]);
    expect(log).toMatchObject([{ level: 'error', event: 'response-unreadable', source, unreadable: facts }]);
  });

  it('names all that failed, and the message of none', async () => {
    const secret = 'arn:aws:iam::123456789012:user/somebody is not authorized';
    const error = Object.assign(new Error(secret), { name: 'AccessDenied' });
    const { metrics, unknown, log } = await lookAt({ standing: error, key: error, items: error });
    expect(metrics).toEqual({});
    expect(unknown).toEqual(['account', 'keys', 'entries']);
    expect(log).toHaveLength(3);
    expect(JSON.stringify(log)).not.toContain('somebody');
  });
});
