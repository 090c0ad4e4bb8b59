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
  readonly state?: SendingState | Error;
  readonly key?: OldestKey | Error;
  readonly items?: number | 'absent' | Error;
}

/** Reads an account in which all is well except for the given changes. */
async function runWith({ state, key, items }: Account) {
  const metrics = new CountedMetrics();
  const lines: string[] = [];
  const settle = async <T>(value: T | Error): Promise<T> => {
    if (value instanceof Error) throw value;
    return value;
  };
  const deps: AccountMetricsDeps = {
    sendingAccount: {
      state: () => settle(state ?? { quota: limited(200, 50), maxPerSecond: 14, isPaused: false }),
    },
    accessKeys: { oldestActive: () => settle(key ?? { kind: 'found', createdAt: daysAgo(90) }) },
    entries: {
      items: async () => {
        const count = await settle(items ?? 7);
        return count === 'absent' ? undefined : count;
      },
    },
    metrics,
    clock: { now: () => NOW },
    log: createJsonLog((line) => lines.push(line)),
  };
  const unknown = await publishAccountMetrics(deps);
  return { unknown, metrics: metrics.sums, log: lines.map((line) => JSON.parse(line)) };
}

const HEALTHY = {
  QuotaUsed: 25,
  QuotaLimit: 200,
  QuotaRate: 14,
  SendingPaused: 0,
  KeyAgeDays: 90,
  SuppressionEntries: 7,
};

/** The healthy metrics without the given ones. */
const healthyWithout = (...names: string[]) =>
  Object.fromEntries(Object.entries(HEALTHY).filter(([name]) => !names.includes(name)));

describe('a run of the account metrics', () => {
  it('counts what it reads, and logs nothing', async () => {
    expect(await runWith({})).toEqual({ unknown: [], metrics: HEALTHY, log: [] });
  });

  it.each([
    ['half', limited(50_000, 25_000), { QuotaUsed: 50, QuotaLimit: 50_000 }],
    ['more than all', limited(200, 300), { QuotaUsed: 150, QuotaLimit: 200 }],
    ['nothing of nothing', limited(0, 0), { QuotaUsed: 100, QuotaLimit: 0 }],
    ['anything of a quota without a limit', { kind: 'unlimited' }, { QuotaUsed: 0 }],
  ] as const)('counts a quota of which %s is used', async (_what, quota, expected) => {
    const { metrics } = await runWith({ state: { quota, maxPerSecond: 14, isPaused: false } });
    expect(metrics).toEqual({ ...healthyWithout('QuotaUsed', 'QuotaLimit'), ...expected });
  });

  it('counts that sending is paused', async () => {
    const { metrics } = await runWith({
      state: { quota: limited(200, 50), maxPerSecond: 14, isPaused: true },
    });
    expect(metrics).toEqual({ ...HEALTHY, SendingPaused: 1 });
  });

  it.each([
    ['89 and a half', daysAgo(89.5), 89],
    ['none yet', NOW, 0],
    ['minus one minute, by the clock of IAM', new Date(NOW.getTime() + 60_000), 0],
  ])('counts the days of a key: %s', async (_what, createdAt, days) => {
    const { metrics, unknown } = await runWith({ key: { kind: 'found', createdAt } });
    expect(metrics).toEqual({ ...HEALTHY, KeyAgeDays: days });
    expect(unknown).toEqual([]);
  });

  it('publishes no age if no key is active, and logs a warning, because that is no failure', async () => {
    const { metrics, unknown, log } = await runWith({ key: { kind: 'none' } });
    expect(metrics).toEqual(healthyWithout('KeyAgeDays'));
    expect(unknown).toEqual([]);
    expect(log).toMatchObject([{ level: 'WARN', event: 'no-active-key' }]);
  });

  it.each<[string, Account, readonly string[]]>([
    ['account', { state: new TypeError() }, ['QuotaUsed', 'QuotaLimit', 'QuotaRate', 'SendingPaused']],
    ['keys', { key: new TypeError() }, ['KeyAgeDays']],
    ['entries', { items: new TypeError() }, ['SuppressionEntries']],
  ])('counts the others if the %s cannot be read', async (source, account, missing) => {
    const { metrics, unknown, log } = await runWith(account);
    expect(metrics).toEqual(healthyWithout(...missing));
    expect(unknown).toEqual([source]);
    expect(log).toMatchObject([{ level: 'ERROR', event: 'service-failed', source, error: 'TypeError' }]);
  });

  it.each<[string, Account, readonly string[], readonly string[]]>([
    [
      'account',
      { state: { quota: undefined, maxPerSecond: 14, isPaused: false } },
      ['QuotaUsed', 'QuotaLimit'],
      ['quota'],
    ],
    [
      'account',
      { state: { quota: limited(200, 50), maxPerSecond: undefined, isPaused: false } },
      ['QuotaRate'],
      ['rate'],
    ],
    [
      'account',
      { state: { quota: limited(200, 50), maxPerSecond: 14, isPaused: undefined } },
      ['SendingPaused'],
      ['pause'],
    ],
    ['keys', { key: { kind: 'unreadable' } }, ['KeyAgeDays'], ['key']],
    ['entries', { items: 'absent' }, ['SuppressionEntries'], ['count']],
  ])('counts the rest if the response of the %s is incomplete', async (source, account, missing, facts) => {
    const { metrics, unknown, log } = await runWith(account);
    expect(metrics).toEqual(healthyWithout(...missing));
    expect(unknown).toEqual([source]);
    expect(log).toMatchObject([{ level: 'ERROR', event: 'response-unreadable', source, unreadable: facts }]);
  });

  it('logs all failures without their messages', async () => {
    const secret = 'arn:aws:iam::123456789012:user/somebody is not authorized';
    const error = Object.assign(new Error(secret), { name: 'AccessDenied' });
    const { metrics, unknown, log } = await runWith({ state: error, key: error, items: error });
    expect(metrics).toEqual({});
    expect(unknown).toEqual(['account', 'keys', 'entries']);
    expect(log).toHaveLength(3);
    expect(JSON.stringify(log)).not.toContain('somebody');
  });
});
