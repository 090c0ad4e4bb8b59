import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DutyCycle } from '../../../lib/adapters/postgres/duty-cycle.ts';

describe('a statement with a duty cycle', () => {
  let now = 0;
  beforeEach(() => {
    now = 1_000;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  let nextMs = 0;
  const statement = async () => {
    now += nextMs;
    if (nextMs === Number.POSITIVE_INFINITY) throw new Error('the database is away');
    return nextMs;
  };
  const dutyCycle = () => new DutyCycle(statement, (result, ms) => result === ms && ms <= 20);

  it('may run at any time while it is cheap', async () => {
    const duty = dutyCycle();
    expect(duty).toMatchObject({ rested: true, cheap: true });

    nextMs = 20;
    expect(await duty.run()).toBe(20);

    expect(duty).toMatchObject({ rested: true, cheap: true, sinceMs: 0 });
  });

  it('takes at most a twentieth of the time while it is costly', async () => {
    const duty = dutyCycle();
    nextMs = 100;
    await duty.run();

    expect(duty).toMatchObject({ rested: false, cheap: false });
    now += 1_999;
    expect(duty.rested).toBe(false);
    now += 1;
    expect(duty.rested).toBe(true);

    nextMs = 1;
    await duty.run();
    expect(duty).toMatchObject({ rested: true, cheap: true });
  });

  it('does not rest after a failure, which says nothing of its cost', async () => {
    const duty = dutyCycle();
    nextMs = Number.POSITIVE_INFINITY;

    await expect(duty.run()).rejects.toThrow('away');
    expect(duty.rested).toBe(true);
  });
});
