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

  const take = async (duty: DutyCycle, ms: number) => {
    await duty.run(async () => {
      now += ms;
    });
  };

  it('may run at any time while it is cheap', async () => {
    const duty = new DutyCycle();
    expect(duty).toMatchObject({ rested: true, cheap: true });

    await take(duty, 5);
    await take(duty, 20);

    expect(duty).toMatchObject({ rested: true, cheap: true });
  });

  it('takes at most a twentieth of the time once it is costly, twice in a row', async () => {
    const duty = new DutyCycle();
    await take(duty, 100);
    expect(duty.cheap).toBe(true);
    await take(duty, 200);

    expect(duty).toMatchObject({ rested: false, cheap: false });
    now += 1_999;
    expect(duty.rested).toBe(false);
    now += 1;
    expect(duty.rested).toBe(true);

    await take(duty, 1);
    expect(duty.cheap).toBe(true);
  });

  it('does not rest after a failure, which says nothing of its cost', async () => {
    const duty = new DutyCycle();
    const fail = duty.run(async () => {
      now += 5_000;
      throw new Error('the database is away');
    });

    await expect(fail).rejects.toThrow('away');
    expect(duty.rested).toBe(true);
  });
});
