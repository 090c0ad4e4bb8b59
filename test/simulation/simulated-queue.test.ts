import { describe, expect, it } from '@jest/globals';
import { MAX_RECEIVE_COUNT } from '../../lib/domain/limits.ts';
import { ASSUMED } from './assumptions.ts';
import { type SimulatedMail, SimulatedQueue } from './simulated-queue.ts';
import { VirtualTime } from './virtual-time.ts';

const MAIL: SimulatedMail = {
  tenant: 'one',
  isUrgent: false,
  createdAtMs: 0,
  expiresAt: '2030-01-01T00:00:00.000Z',
  isKnown: true,
  bounceShare: 0,
};

/** Until nothing is left to happen. */
const never = () => false;

describe('the simulated queue', () => {
  it('makes a message a dead letter after its last receive', async () => {
    const time = new VirtualTime();
    const queue = new SimulatedQueue(time);
    queue.push(MAIL, 1);

    let receives = 0;
    for (let [message] = queue.receive(10); message !== undefined; [message] = queue.receive(10)) {
      receives += 1;
      queue.release(message, 1);
      await time.run(never);
    }

    expect(receives).toBe(MAX_RECEIVE_COUNT);
    expect(queue).toMatchObject({ deadLetters: 1, visible: 0, inFlight: 0 });
  });

  it('hands out nothing new while too many are in flight', () => {
    const queue = new SimulatedQueue(new VirtualTime());
    queue.push(MAIL, ASSUMED.maxInFlight + 5);

    expect(queue.receive(ASSUMED.maxInFlight + 10)).toHaveLength(ASSUMED.maxInFlight);
    expect(queue.receive(10)).toEqual([]);
  });

  it('puts a message last after its third receive, and before newer ones until then', async () => {
    const time = new VirtualTime();
    const queue = new SimulatedQueue(time);
    const first = { ...MAIL, expiresAt: 'first' };
    queue.push(first, 1);
    queue.push({ ...MAIL, bounceShare: 0.5 }, 1);

    for (let receives = 1; receives <= ASSUMED.receivesToBack; receives += 1) {
      const [message] = queue.receive(1);
      if (message?.mail !== first) throw new Error('not the first');
      queue.release(message, 1);
      await time.run(never);
    }

    expect(queue.receive(2).map(({ mail }) => mail === first)).toEqual([false, true]);
  });

  it('favours the tenant with the fewest messages in flight', () => {
    const queue = new SimulatedQueue(new VirtualTime());
    queue.push(MAIL, 100);
    queue.push({ ...MAIL, tenant: 'other' }, 2);

    const tenants = queue.receive(10).map(({ mail }) => mail.tenant);

    expect(tenants.filter((tenant) => tenant === 'other')).toHaveLength(2);
  });
});
