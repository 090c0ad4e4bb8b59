import { describe, expect, it } from '@jest/globals';
import type { Claim } from '../../lib/ports/outbox.ts';
import { ReadyDeliveries } from '../../lib/worker/ready-deliveries.ts';
import { aClaim } from '../support/a-claim.ts';

const MB = 1024 * 1024;

const large = (id: string, bytes: number): Claim =>
  aClaim({ id, bytes, mail: { kind: 'large', read: () => Promise.reject(new Error('not read here')) } });

const bySmtp = (claims: readonly Claim[]) => claims.map((claim) => ({ claim, route: 'smtp' as const }));

function readyWith(...claims: readonly Claim[]): ReadyDeliveries {
  const ready = new ReadyDeliveries();
  ready.add(bySmtp(claims));
  return ready;
}

const take = (ready: ReadyDeliveries) => ready.take(() => true)?.claim.id;

describe('deliveries that are ready', () => {
  it('begin by urgency, and in the order in which they were claimed', () => {
    const ready = readyWith(aClaim({ id: 'a' }), aClaim({ id: 'b', priority: 5 }));
    ready.add(
      bySmtp([aClaim({ id: 'c', priority: 5 }), aClaim({ id: 'd', priority: 9 }), aClaim({ id: 'e' })]),
    );

    expect([take(ready), take(ready), take(ready), take(ready), take(ready), take(ready)]).toEqual([
      'd',
      'b',
      'c',
      'a',
      'e',
      undefined,
    ]);
  });

  it('are passed by others while they may not begin', () => {
    const ready = readyWith(aClaim({ id: 'a' }), aClaim({ id: 'b' }));

    expect(ready.take(({ claim }) => claim.id !== 'a')?.claim.id).toBe('b');
    expect(ready.length).toBe(1);
  });

  it('begin one after another if they are large, and are passed by small ones', () => {
    const first = large('first', 20 * MB);
    const ready = readyWith(first, large('second', 20 * MB), aClaim({ id: 'small' }));

    expect([take(ready), take(ready), take(ready)]).toEqual(['first', 'small', undefined]);
    ready.finished(first);
    expect(take(ready)).toBe('second');
  });

  it('begin side by side if they are not so large, and alone however large they are', () => {
    const huge = large('huge', 41 * MB);
    const ready = readyWith(huge, large('a', 10 * MB), large('b', 10 * MB), large('c', 10 * MB));

    expect([take(ready), take(ready)]).toEqual(['huge', undefined]);
    ready.finished(huge);
    expect([take(ready), take(ready), take(ready)]).toEqual(['a', 'b', undefined]);
  });

  it('count the bytes that came with their claims until they are finished or gone', () => {
    const kept = aClaim({ id: 'kept', bytes: 100 });
    const ready = readyWith(kept, aClaim({ id: 'lost', bytes: 20 }), aClaim({ bytes: 3 }), large('l', MB));
    take(ready);
    expect(ready.fetchedBytes).toBe(123);
    ready.remove(['lost']);
    ready.finished(kept);
    expect(ready.fetchedBytes).toBe(3);
    expect(ready.removeAll()).toHaveLength(2);
    expect(ready.fetchedBytes).toBe(0);
  });

  it('want no more large ones than a few', () => {
    const ready = readyWith(large('a', MB), large('b', MB));
    expect(ready.wantsLarge).toBe(true);
    ready.add(bySmtp([large('c', MB)]));
    expect(ready.wantsLarge).toBe(false);
  });

  it('tell the priority up to which the next ones begin', () => {
    const ready = readyWith(aClaim({ priority: 9 }), aClaim({ priority: 5 }), aClaim());
    expect([1, 2, 3, 10].map((position) => ready.priorityAt(position))).toEqual([9, 5, 0, 0]);
    expect(new ReadyDeliveries().priorityAt(1)).toBeUndefined();
  });
});
