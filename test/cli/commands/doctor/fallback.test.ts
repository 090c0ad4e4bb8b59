import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';
import { type HandedOver, handOver } from './hand-over.ts';

let double: AwsAccountDouble;

beforeEach(async () => {
  double = await startAwsAccount({ account: deployedAccount() });
});

afterEach(() => double.close());

async function examine(...mails: readonly HandedOver[]) {
  for (const mail of mails) handOver(double.account.metrics, mail);
  const args = ['--json', 'doctor', '--only', 'fallback'];
  const { stdout } = await runMailctl(args, double.environment);
  const [check]: { status: string; detail: string; fix?: string }[] = dataOf(stdout).checks;
  return check;
}

/** One every five minutes, from the first to the last, both in minutes ago. */
const each5Minutes = (from: number, to: number, mail: Omit<HandedOver, 'minutesAgo'>): HandedOver[] =>
  Array.from({ length: (from - to) / 5 + 1 }, (_, index) => ({ ...mail, minutesAgo: from - index * 5 }));

const DOWN = { class: 'unreachable', down: true } as const;

const callsOfCloudWatch = () => double.callsOf({ action: 'GetMetricStatistics' });

/** The start of its five-minute period, as printed. */
function periodAt(minutesAgo: number): string {
  const at = Math.floor((Date.now() - minutesAgo * 60_000) / 300_000) * 300_000;
  return new Date(at).toISOString().slice(11, 16);
}

describe('mailctl doctor --only fallback', () => {
  it('passes if nothing was handed over, and makes no further calls', async () => {
    expect(await examine()).toMatchObject({ status: 'ok', detail: 'none in the last 6 hours' });
    expect(callsOfCloudWatch()).toBe(2);
  });

  it('reports how many, since when and why, most frequent first', async () => {
    const before = periodAt(30);
    const check = await examine(
      ...each5Minutes(30, 5, { ...DOWN, mails: 6 }),
      { minutesAgo: 10, class: 'tls', down: true, mails: 2 },
      { minutesAgo: 8, class: 'rejected' },
      { minutesAgo: 200, class: 'rejected', mails: 50 },
    );
    expect(check).toMatchObject({
      status: 'warn',
      fix: 'mailctl doctor --only smtp, fix mail-core; then docs/runbook.md#fallback-in-use',
    });
    const [, since] = /^39 in the last hour, since (\S+) UTC: 36 unreachable, 2 tls, 1 rejected$/.exec(
      check?.detail ?? '',
    ) ?? [check?.detail];
    // The clock may have advanced in between.
    expect([before, periodAt(30)]).toContain(since);
    // Two calls for how many and since when; one for each class.
    expect(callsOfCloudWatch()).toBe(11);
  });

  it('considers an outage over after half an hour of quiet, but not after a quarter', async () => {
    const before = periodAt(90);
    const check = await examine(
      { ...DOWN, minutesAgo: 180 },
      { ...DOWN, minutesAgo: 90 },
      { ...DOWN, minutesAgo: 70 },
      { ...DOWN, minutesAgo: 50 },
      { ...DOWN, minutesAgo: 25 },
    );
    const [, since] = /^2 in the last hour, since (\S+) UTC: /.exec(check?.detail ?? '') ?? [check?.detail];
    expect([before, periodAt(90)]).toContain(since);
  });

  it('reports an outage that is over as such', async () => {
    const check = await examine(...each5Minutes(58, 48, DOWN));
    expect(check).toMatchObject({
      status: 'warn',
      detail: expect.stringMatching(/^3 in the last hour, from \d\d:\d\d to \d\d:\d\d UTC: 3 unreachable$/),
    });
  });

  it('does not say when an outage began that is older than its window', async () => {
    const check = await examine(...each5Minutes(400, 0, DOWN));
    expect(check).toMatchObject({
      status: 'warn',
      detail: expect.stringMatching(/^1[23] in the last hour, for six hours or more: 1[23] unreachable$/),
    });
  });

  it('considers failures of single mails normal', async () => {
    const check = await examine(
      { minutesAgo: 40, class: 'rejected', mails: 3 },
      { minutesAgo: 20, class: 'deferred' },
    );
    expect(check).toMatchObject({
      status: 'ok',
      detail: '4 in the last hour, as on any day: 3 rejected, 1 deferred',
    });
  });

  it('reports what was before the last hour', async () => {
    expect(await examine({ ...DOWN, minutesAgo: 120, mails: 12 })).toMatchObject({
      status: 'ok',
      detail: expect.stringMatching(
        /^none in the last hour; 12 in the hours before, the last at \d\d:\d\d UTC$/,
      ),
    });
    expect(callsOfCloudWatch()).toBe(2);
  });

  it('fails if CloudWatch does not respond', async () => {
    double.fault({ fault: { kind: 'denied' }, on: { service: 'cloudwatch' } });
    expect(await examine()).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('cloudwatch:GetMetricStatistics'),
      fix: expect.stringContaining('ask for the permission'),
    });
  });
});
