import { describe, expect, it } from '@jest/globals';
import { playLoads } from './play-loads.ts';
import type { AskedMail, Load, Scenario } from './scenario.ts';
import { ScenarioClock } from './scenario-clock.ts';

const SCENARIO: Scenario = {
  name: 'any',
  speed: 1_000_000,
  from: '2026-01-14T09:30:00.000Z',
  hours: 10,
  loads: [],
  steps: [],
};

async function asked(load: Load, signal = new AbortController().signal): Promise<AskedMail[]> {
  const mails: AskedMail[] = [];
  const api = { ask: async (mail: AskedMail) => void mails.push(mail) };
  await playLoads({ ...SCENARIO, loads: [load] }, api, new ScenarioClock(SCENARIO, signal));
  return mails;
}

describe('a load', () => {
  it('inserts mails at its rate, the same ones in each run', async () => {
    const load: Load = { mailsPerHour: () => 100, recipient: (index) => `buyer${index}@example.org` };

    const mails = await asked(load);

    // A thousand random arrivals, plus or minus a tenth.
    expect(mails.length).toBeGreaterThan(900);
    expect(mails.length).toBeLessThan(1100);
    expect(await asked(load)).toEqual(mails);
  });

  it('stays within its hours, and receives the hour of the day', async () => {
    const hours: number[] = [];
    const mailsPerHour = (hour: number) => {
      hours.push(hour);
      return 20;
    };

    const mails = await asked({ fromHours: 2, toHours: 4, mailsPerHour, recipient: () => 'a@example.org' });

    expect(mails.length).toBeGreaterThan(20);
    expect(mails.length).toBeLessThan(60);
    expect(Math.min(...hours)).toBe(11.5);
    expect(Math.max(...hours)).toBeLessThan(13.5);
  });

  it('ends with the signal', async () => {
    const mailsPerHour = () => 1;
    const signal = AbortSignal.abort(new Error('enough'));

    await expect(asked({ mailsPerHour, recipient: () => 'a@example.org' }, signal)).rejects.toThrow('enough');
  });
});
