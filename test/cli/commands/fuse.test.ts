import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FUSE_RESET_MS, isHolding, type ReputationFuse } from '../../../lib/domain/reputation-fuse.ts';
import { EMPTY_LINE } from '../../../lib/domain/send-rate.ts';
import { dataOf } from '../../support/run-mailctl.ts';
import { type SendingBench, startSendingBench } from './sending-bench.ts';

const TRIPPED: ReputationFuse = { cause: 'bounce-rate', rate: 0.046, trippedAtMs: Date.now() - 3_600_000 };
const LINE = { ...EMPTY_LINE, nextSlotMs: 1234 };

let bench: SendingBench;

beforeAll(async () => {
  bench = await startSendingBench();
});

beforeEach(() => bench.clear());

afterAll(() => bench.close());

describe('mailctl fuse', () => {
  it('says that the fuse has not tripped', async () => {
    const { code, stdout } = await bench.mailctl('fuse');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^The fuse has not tripped\. Held: 0 wait, 0 /);
  });

  it('shows the cause, the rate beside its thresholds, and how much is held', async () => {
    await bench.remember({ fuse: TRIPPED });
    await bench.enqueue('held', 2);
    const { code, stdout } = await bench.mailctl('fuse');

    expect(code).toBe(1);
    expect(stdout).toMatch(/^The fuse holds mail since .*\(1h 0m ago\): the bounce rate is 4\.6 %; /);
    expect(stdout).toContain('it trips at 4 % and resets below 3 %. Held: 2 wait');
    expect(dataOf((await bench.mailctl('--json', 'fuse')).stdout)).toMatchObject({
      state: 'holds',
      fuse: { cause: 'bounce-rate', rate: 0.046, tripsAt: 0.04, resetsBelow: 0.03, resetUntil: null },
      held: { waiting: 2 },
    });
  });

  it('warns as long as held mail is left, even if the fuse holds no more', async () => {
    await bench.enqueue('held', 1);
    expect((await bench.mailctl('fuse')).code).toBe(1);
  });
});

describe('mailctl fuse reset', () => {
  it('lets mail pass for a day, and leaves the rest of what the functions know', async () => {
    await bench.remember({ line: LINE, fuse: TRIPPED });
    const before = Date.now();
    const { code, stdout } = await bench.mailctl('--yes', '--json', 'fuse', 'reset');

    expect(code).toBe(0);
    expect(dataOf(stdout)).toMatchObject({ state: 'reset' });
    const { state } = await bench.store.read();
    expect(state).toEqual({ line: LINE, fuse: { ...TRIPPED, resetUntilMs: expect.any(Number) } });
    expect(isHolding(state.fuse, before + FUSE_RESET_MS - 1)).toBe(false);
    expect(isHolding(state.fuse, Date.now() + FUSE_RESET_MS)).toBe(true);
    expect((await bench.mailctl('fuse')).stdout).toContain('The fuse was reset and holds no mail until ');
  });

  it('changes nothing without a yes', async () => {
    await bench.remember({ fuse: TRIPPED });
    const { code, stderr } = await bench.mailctl('fuse', 'reset');

    expect(code).toBe(2);
    expect(stderr).toContain('nothing was changed');
    expect((await bench.store.read()).state.fuse).toEqual(TRIPPED);
  });

  it('has nothing to do if the fuse does not hold', async () => {
    const { code, stdout } = await bench.mailctl('--yes', 'fuse', 'reset');
    expect(code).toBe(1);
    expect(stdout).toContain('Nothing to reset.');
  });
});
