import { describe, expect, it } from '@jest/globals';
import { HOUR_MS, MINUTE_MS } from '../../lib/common/time.ts';
import { type SimulationOptions, type SimulationResult, simulate } from './simulation.ts';

const SECOND_MS = 1_000;

function play(options: Partial<SimulationOptions>): Promise<SimulationResult> {
  return simulate({
    arrivals: [],
    account: { perSecond: 14 },
    concurrency: 4,
    sampleMs: MINUTE_MS,
    ...options,
  });
}

function accountedFor({ sent, expired, deadLetters, lost }: SimulationResult): number {
  return sent + expired + deadLetters + lost;
}

describe('the resend function under a virtual clock', () => {
  it.each([1, 14, 200])(
    'uses a quota of %i a second to 95 %, without a throttled call',
    async (perSecond) => {
      const result = await play({
        arrivals: [{ mails: 150 * perSecond, fromMs: 0, toMs: 2 * SECOND_MS }],
        account: { perSecond },
        concurrency: Math.max(4, perSecond / 20),
        sampleMs: 20 * SECOND_MS,
      });

      expect(result).toMatchObject({ sent: 150 * perSecond, throttled: 0, lost: 0, deadLetters: 0 });
      expect(result.quotaUse).toBeGreaterThanOrEqual(0.95);
      expect(Math.max(...result.samples.map(({ sendRate }) => sendRate))).toBeLessThanOrEqual(
        perSecond * 1.02,
      );
    },
  );

  it('sends urgent mail within two seconds, whatever waits', async () => {
    const result = await play({
      arrivals: [
        { mails: 3_000, fromMs: 0, toMs: SECOND_MS },
        { mails: 100, fromMs: 10 * SECOND_MS, toMs: 3 * MINUTE_MS, isUrgent: true },
      ],
    });

    expect(result.sent).toBe(3_100);
    expect(result.urgent.maxMs).toBeLessThanOrEqual(2 * SECOND_MS);
  });

  it('drains at the quota after an outage of ten minutes, in which only probes are made', async () => {
    const fault = { kind: 'unreachable', fromMs: MINUTE_MS, toMs: 11 * MINUTE_MS } as const;
    const result = await play({
      arrivals: [
        { mails: 3_000, fromMs: 0, toMs: 10 * MINUTE_MS },
        { mails: 100, fromMs: 0, toMs: 10 * MINUTE_MS, isUrgent: true },
      ],
      account: { perSecond: 14, faults: [fault] },
      drainFromMs: fault.toMs,
    });

    expect(accountedFor(result)).toBe(3_100);
    expect(result).toMatchObject({ sent: 3_100, throttled: 0 });
    expect(result.failedCalls).toBeLessThan(100);
    // The next probe, and a mail that had just gone back to the queue.
    expect(result.drain.tookMs).toBeLessThan(result.drain.idealMs * 1.05 + MINUTE_MS);
  });

  it.each(['unreachable', 'paused'] as const)(
    'loses nothing in 48 hours in which SES is %s, and the last of few mails is out within minutes',
    async (kind) => {
      const fault = { kind, fromMs: 0, toMs: 48 * HOUR_MS };
      const result = await play({
        arrivals: [
          { mails: 5, fromMs: 0, toMs: MINUTE_MS },
          { mails: 2, fromMs: 0, toMs: MINUTE_MS, isUrgent: true },
        ],
        account: { perSecond: 14, faults: [fault] },
        concurrency: 2,
        sampleMs: HOUR_MS,
        drainFromMs: fault.toMs,
      });

      expect(result).toMatchObject({ sent: 7, expired: 0, deadLetters: 0, lost: 0 });
      expect(result.receives.max).toBeLessThan(1_000);
      expect(result.drain.tookMs).toBeLessThan(15 * MINUTE_MS);
    },
  );

  it('keeps a reserve of the daily quota for urgent mail, and goes on when the quota is free again', async () => {
    const result = await play({
      arrivals: [
        { mails: 600, fromMs: 0, toMs: HOUR_MS },
        { mails: 10, fromMs: 2 * HOUR_MS, toMs: 20 * HOUR_MS, isUrgent: true },
      ],
      account: { perSecond: 14, perDay: 500 },
      concurrency: 1,
      sampleMs: HOUR_MS,
    });

    expect(result).toMatchObject({ sent: 610, overQuota: 0 });
    expect(result.urgent.maxMs).toBeLessThanOrEqual(2 * SECOND_MS);
    expect(result.normal.maxMs).toBeLessThanOrEqual(26 * HOUR_MS);
  });

  it('does not send what expired', async () => {
    const result = await play({
      arrivals: [{ mails: 3, fromMs: 0, toMs: MINUTE_MS }],
      account: { perSecond: 14, faults: [{ kind: 'paused', fromMs: 0, toMs: 97 * HOUR_MS }] },
      concurrency: 2,
      sampleMs: HOUR_MS,
    });

    expect(result).toMatchObject({ sent: 0, expired: 3, lost: 0 });
  });

  it('holds mail to unknown addresses while the fuse holds, and sends the rest', async () => {
    const storm: SimulationOptions['arrivals'] = [
      { mails: 2_000, fromMs: 0, toMs: HOUR_MS },
      { mails: 2_000, fromMs: 0, toMs: HOUR_MS, isKnown: false, bounceShare: 0.5 },
      { mails: 50, fromMs: 0, toMs: HOUR_MS, isKnown: false, isUrgent: true },
    ];
    const result = await play({ arrivals: storm, sampleMs: MINUTE_MS });
    const without = await play({ arrivals: storm, sampleMs: MINUTE_MS, hasFuse: false });

    expect(accountedFor(result)).toBe(4_050);
    expect(result.samples.some(({ isFuseHolding, waiting }) => isFuseHolding && waiting.held > 100)).toBe(
      true,
    );
    expect(result.urgent.maxMs).toBeLessThanOrEqual(2 * SECOND_MS);
    expect(without.samples.some(({ isFuseHolding }) => isFuseHolding)).toBe(false);
    expect(without.samples.every(({ waiting }) => waiting.held === 0)).toBe(true);
  });

  it('sends the mail of other tenants while one floods the queue', async () => {
    const result = await play({
      arrivals: [
        { mails: 5_000, fromMs: 0, toMs: SECOND_MS, tenants: ['flood'] },
        { mails: 100, fromMs: MINUTE_MS, toMs: 3 * MINUTE_MS, tenants: ['other', 'another'] },
      ],
    });

    expect(result.tenants.other?.maxMs).toBeLessThan(10 * SECOND_MS);
    expect(result.tenants.flood?.maxMs).toBeGreaterThan(4 * MINUTE_MS);
  });

  it('has the same result for the same seed', async () => {
    const options = {
      arrivals: [{ mails: 500, fromMs: 0, toMs: MINUTE_MS, bounceShare: 0.1 }],
    };

    const [one, again, other] = await Promise.all([
      play(options),
      play(options),
      play({ ...options, seed: 2 }),
    ]);

    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });
});
