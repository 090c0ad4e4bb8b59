import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EMPTY_LINE } from '../../../lib/domain/send-rate.ts';
import { dataOf } from '../../support/run-mailctl.ts';
import { type SendingBench, startSendingBench } from './sending-bench.ts';

let bench: SendingBench;

beforeAll(async () => {
  bench = await startSendingBench();
});

beforeEach(async () => {
  await bench.clear();
  Object.assign(bench.ses.account, { maxSendRate: 2, max24HourSend: 50_000, sendingEnabled: true });
});

afterAll(() => bench.close());

describe('mailctl rate', () => {
  it('shows the rate, the quota, and how long what waits will take', async () => {
    await bench.enqueue('fallback', 18);
    await bench.enqueue('urgent', 2);
    await bench.enqueue('held', 3);
    const { code, stdout } = await bench.mailctl('rate');

    expect(code).toBe(0);
    expect(stdout.split('\n').slice(0, 7)).toEqual([
      'rate: 2 a second are used of 2 that SES allows',
      '24 hours: 0 of 50000 sent; the last 2500 are for urgent mail',
      'SES: no outage is known',
      'normal mail: 18 wait, 0 are in hand or wait for their next try',
      'urgent mail: 2 wait, 0 are in hand or wait for their next try',
      'held mail: 3 wait, 0 are in hand or wait for their next try (why: mailctl fuse)',
      'time to drain: 11s',
    ]);
  });

  it('shows an outage, and knows then no time to drain', async () => {
    const nowMs = Date.now();
    const outage = {
      cause: 'ses-unavailable',
      sinceMs: nowMs - 600_000,
      failures: 7,
      probeAtMs: nowMs + 60_000,
    };
    await bench.remember({ outage });
    const { code, stdout } = await bench.mailctl('--json', 'rate');

    expect(code).toBe(1);
    expect(dataOf(stdout)).toMatchObject({
      outage: {
        cause: 'ses-unavailable',
        since: new Date(outage.sinceMs).toISOString(),
        nextProbe: new Date(outage.probeAtMs).toISOString(),
      },
      secondsToDrain: null,
    });
    expect((await bench.mailctl('rate')).stdout).toContain('takes no mail: ses-unavailable, since ');
  });

  it('does not take single failures for an outage', async () => {
    await bench.remember({ outage: { cause: 'ses-unavailable', sinceMs: Date.now(), failures: 1 } });
    expect((await bench.mailctl('rate')).code).toBe(0);
  });

  it('shows that SES throttled lately, and the rate that is used since', async () => {
    const atMs = Date.now();
    await bench.remember({ line: { ...EMPTY_LINE, throttled: { atMs, share: 0.1 } } });
    const { code, stdout } = await bench.mailctl('--json', 'rate');

    expect(code).toBe(1);
    const { usedPerSecond, allowedPerSecond, throttledAt } = dataOf(stdout);
    expect(throttledAt).toBe(new Date(atMs).toISOString());
    expect(usedPerSecond).toBeLessThan(0.98 * allowedPerSecond);
  });

  it('says how much has to wait for the quota of 24 hours, of which the reserve is for urgent mail', async () => {
    bench.ses.account.max24HourSend = 20;
    await bench.enqueue('fallback', 30);
    const { code, stdout } = await bench.mailctl('--json', 'rate');

    expect(code).toBe(1);
    expect(dataOf(stdout)).toMatchObject({ perDay: 20, reservedForUrgent: 1, beyondDailyQuota: 11 });
  });

  it('knows no daily quota if there is none', async () => {
    bench.ses.account.max24HourSend = -1;
    const { code, stdout } = await bench.mailctl('rate');
    expect(code).toBe(0);
    expect(stdout).toContain('24 hours: 0 sent, without a limit');
  });
});
