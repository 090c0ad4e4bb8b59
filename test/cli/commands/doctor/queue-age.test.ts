import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from '@jest/globals';
import { oldestAgeSeconds } from '../../../../lib/cli/commands/doctor/checks/queues.ts';
import { AwsAccount } from '../../../support/aws-account/aws-account.ts';
import { AT, clientOf, runAccount } from '../../../support/aws-account/running-account.ts';
import type { AwsAccountDouble } from '../../../support/aws-account/start-aws-account.ts';

const MINUTE = 60_000;
const QUEUE = 'keybuzz-mail-fallback-dev';
const CALL = { service: 'cloudwatch', action: 'GetMetricStatistics' } as const;

/** An account to which SQS has published ages, by minutes ago. */
function accountWith(ages: Readonly<Record<number, number>>, queue = QUEUE): AwsAccount {
  const account = new AwsAccount({ now: () => AT });
  for (const [minutesAgo, age] of Object.entries(ages)) {
    account.metrics.add({
      namespace: 'AWS/SQS',
      name: 'ApproximateAgeOfOldestMessage',
      dimensions: { QueueName: queue },
      at: AT.getTime() - Number(minutesAgo) * MINUTE,
      values: [age],
      unit: 'Seconds',
    });
  }
  return account;
}

function ageIn(double: AwsAccountDouble, signal = new AbortController().signal): Promise<number | undefined> {
  return oldestAgeSeconds(clientOf(double, CloudWatchClient), QUEUE, AT, signal);
}

describe('the age of the oldest message of a queue', () => {
  it('is the newest that CloudWatch has, regardless of earlier ones', async () => {
    expect(await ageIn(await runAccount(accountWith({ 9: 900, 4: 30, 3: 90, 2: 150, 1: 210 })))).toBe(210);
    expect(await ageIn(await runAccount(accountWith({ 9: 900, 4: 30, 3: 5 })))).toBe(5);
  });

  it('is unknown if nothing was published for ten minutes, or for this queue', async () => {
    expect(await ageIn(await runAccount(accountWith({ 11: 900 })))).toBeUndefined();
    expect(await ageIn(await runAccount(accountWith({ 1: 900 }, 'another-queue')))).toBeUndefined();
  });

  it('is unknown if CloudWatch denies the call', async () => {
    const double = await runAccount(accountWith({ 1: 900 }));
    double.fault({ on: CALL, fault: { kind: 'denied' } });
    expect(await ageIn(double)).toBeUndefined();
    expect(double.callsOf(CALL)).toBe(1);
  });

  it('is not requested any more after an abort', async () => {
    const double = await runAccount(accountWith({ 1: 900 }));
    double.fault({ on: CALL, fault: { kind: 'silence' } });
    const controller = new AbortController();
    const age = ageIn(double, controller.signal);
    await double.waitForCall(CALL);
    controller.abort(new Error('the terminal was closed'));
    await expect(age).rejects.toThrow('the terminal was closed');
  });
});
