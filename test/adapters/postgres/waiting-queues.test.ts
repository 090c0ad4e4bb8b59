import { describe, expect, it } from '@jest/globals';
import {
  type Candidate,
  type Waiting,
  WaitingQueues,
} from '../../../lib/adapters/postgres/waiting-queues.ts';

const waiting = (tenant: string, micros: number, priority = 0): Waiting => ({
  priority,
  tenant,
  since: `T${micros}`,
  micros,
  id: `${tenant}-${micros}`,
});

const candidate = (tenant: string, micros: number, turn: number, priority = 0): Candidate => ({
  ...waiting(tenant, micros, priority),
  turn,
});

const tenantsOf = (queues: WaitingQueues, most = 100) => queues.next(most).queues.map(({ tenant }) => tenant);

function surveyed(...heads: readonly Waiting[]): WaitingQueues {
  const queues = new WaitingQueues();
  queues.surveyed(heads);
  return queues;
}

describe('the queues that may have waiting deliveries', () => {
  it('are in turn, most urgent first, and those served go to the end', () => {
    const queues = surveyed(waiting('a', 1), waiting('b', 1), waiting('c', 1), waiting('z', 1, 9));
    expect(tenantsOf(queues)).toEqual(['z', 'a', 'b', 'c']);

    queues.passed([candidate('a', 1, 1), candidate('b', 1, 1)], queues.next(100).queues);
    queues.arrived([waiting('d', 2)]);

    expect(tenantsOf(queues)).toEqual(['z', 'c', 'a', 'b', 'd']);
    expect(queues.next(4).queues.at(2)).toEqual({ ...waiting('a', 1), passed: true });
  });

  it('name the priority of which only some are given', () => {
    const queues = surveyed(waiting('a', 1), waiting('b', 1), waiting('z', 1, 9));

    expect(queues.next(1)).toMatchObject({ more: true, cutPriority: null });
    expect(queues.next(2)).toMatchObject({ more: true, cutPriority: 0 });
    expect(queues.next(3)).toMatchObject({ more: false, cutPriority: null });
  });

  it('are forgotten if a walk through them found nothing, but not those that it did not reach', () => {
    const heads = [
      waiting('z', 1, 9),
      waiting('a', 1),
      waiting('b', 1),
      waiting('c', 1),
      waiting('l', 1, -9),
    ];
    const walk = (found: readonly Candidate[], complete: boolean) => {
      const queues = surveyed(...heads);
      queues.walked(queues.next(100).queues, found, complete);
      return tenantsOf(queues);
    };

    expect(walk([candidate('b', 1, 1)], false)).toEqual(['b', 'c', 'l']);
    expect(walk([candidate('b', 1, 1), candidate('b', 2, 2)], false)).toEqual(['b', 'l']);
    expect(walk([candidate('b', 1, 1)], true)).toEqual(['b']);
    expect(walk([], true)).toEqual([]);
  });

  it('are kept if something arrived during the walk that found them empty', () => {
    const queues = surveyed(waiting('a', 5), waiting('b', 5));
    const { queues: walked } = queues.next(100);

    queues.arrived([waiting('a', 6)]);
    queues.walked(walked, [], true);

    expect(queues.next(100).queues).toEqual([{ ...waiting('a', 5), passed: false }]);
    queues.walked(queues.next(100).queues, [], true);
    expect(tenantsOf(queues)).toEqual([]);
  });

  it('keep the place that a survey found during a walk', () => {
    const queues = surveyed(waiting('a', 5), waiting('b', 5));
    const { queues: walked } = queues.next(100);

    queues.surveyed([waiting('a', 1)]);
    queues.passed([candidate('a', 5, 1), candidate('b', 5, 1), candidate('b', 6, 2)], walked);

    expect(queues.next(100).queues).toEqual([
      { ...waiting('a', 1), passed: false },
      { ...waiting('b', 6), passed: true },
    ]);
  });

  it('go back to an older delivery, not to a newer one', () => {
    const queues = surveyed(waiting('a', 5));

    queues.arrived([waiting('a', 7)]);
    expect(queues.next(1).queues[0]).toMatchObject({ micros: 5 });
    queues.arrived([waiting('a', 3)]);
    expect(queues.next(1).queues[0]).toMatchObject({ micros: 3, passed: false });
    queues.surveyed([waiting('a', 1)]);
    expect(queues.next(1).queues[0]).toMatchObject({ micros: 1 });
  });
});
