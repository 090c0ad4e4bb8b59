import { describe, expect, it } from '@jest/globals';
import { DAY_MS, MINUTE_MS } from '../../lib/common/time.ts';
import { SimulatedSes } from './simulated-ses.ts';
import { START_MS, VirtualTime } from './virtual-time.ts';

const ACCOUNT = { perSecond: 14, perDay: 20 };

/** How many of the calls SES accepts at that moment. */
function accepted(ses: SimulatedSes, calls: number): number {
  return Array.from({ length: calls }, () => ses.send(0)).filter(({ kind }) => kind === 'sent').length;
}

describe('the simulated SES', () => {
  it('accepts as many calls as the rate allows, and of the rest as many as the day does', () => {
    const time = new VirtualTime();
    const ses = new SimulatedSes(time, ACCOUNT, () => 0.5);

    expect(accepted(ses, 20)).toBe(14);
    time.nowMs += 500;
    expect(accepted(ses, 20)).toBe(6);
    expect(ses).toMatchObject({ throttled: 6, overQuota: 14 });
  });

  it('frees the daily quota after 24 hours', () => {
    const time = new VirtualTime();
    const ses = new SimulatedSes(time, { ...ACCOUNT, perDay: 10 }, () => 0.5);

    expect(accepted(ses, 10)).toBe(10);
    time.nowMs = START_MS + DAY_MS - MINUTE_MS;
    expect(accepted(ses, 10)).toBe(0);
    time.nowMs = START_MS + DAY_MS + MINUTE_MS;
    expect(accepted(ses, 10)).toBe(10);
  });
});
