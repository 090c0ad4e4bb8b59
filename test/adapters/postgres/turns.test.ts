import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inTurns, type Page, planReading } from '../../../lib/adapters/postgres/turns.ts';
import type { Candidate, WaitingQueue } from '../../../lib/adapters/postgres/waiting-queues.ts';

/** A queue with so many deliveries. */
interface Filled {
  readonly queue: WaitingQueue;
  readonly length: number;
}

function filled(priority: number, lengths: readonly number[]): Filled[] {
  return lengths.map((length, index) => ({
    length,
    queue: { priority, tenant: `tenant-${index}`, since: '', micros: 0, id: '', passed: false },
  }));
}

function turnsOf({ queue, length }: Filled, most: number): Candidate[] {
  const { priority, tenant } = queue;
  return Array.from({ length: Math.min(length, most) }, (_, index) => ({
    priority,
    tenant,
    turn: index + 1,
    since: '',
    micros: 0,
    id: `${priority} ${tenant} ${index + 1}`,
  }));
}

/** As the statement reads. */
function read(queues: readonly Filled[], pages: readonly Page[]): Candidate[] {
  return pages.flatMap(({ priority, ofQueue, ofAll }) =>
    queues
      .filter(({ queue }) => queue.priority === priority)
      .flatMap((one) => turnsOf(one, ofQueue))
      .slice(0, ofAll),
  );
}

/** All that may be claimed of these queues, in the order of turns. */
function inOrder(queues: readonly Filled[], cutPriority: number | null): Candidate[] {
  return queues
    .flatMap((one) => turnsOf(one, one.queue.priority === cutPriority ? 1 : one.length))
    .sort((one, other) => other.priority - one.priority || one.turn - other.turn);
}

const priorities = fc.record({
  urgent: fc.array(fc.nat(12), { maxLength: 8 }),
  normal: fc.array(fc.nat(12), { maxLength: 8 }),
  bulk: fc.array(fc.nat(12), { maxLength: 8 }),
  limit: fc.integer({ min: 1, max: 20 }),
  cut: fc.boolean(),
});

describe('pages of queues', () => {
  it('become the beginning of all turns, and all of them if they say so', () => {
    fc.assert(
      fc.property(priorities, ({ urgent, normal, bulk, limit, cut }) => {
        const queues = [...filled(10, urgent), ...filled(0, normal), ...filled(-5, bulk)];
        const cutPriority = cut ? (queues.at(-1)?.queue.priority ?? null) : null;
        const all = inOrder(queues, cutPriority).map(({ id }) => id);

        const next = { queues: queues.map(({ queue }) => queue), more: cut, cutPriority };
        const reading = planReading(next, limit);
        const { candidates, complete } = inTurns(read(queues, reading.pages), reading.pages, limit);

        const ids = candidates.map(({ id }) => id);
        expect(ids).toEqual(all.slice(0, ids.length));
        expect(ids.length).toBeLessThanOrEqual(limit);
        if (complete && !reading.more) expect(ids).toEqual(all);
        // Whatever was read, something goes on: a delivery, or queues that are known to be empty.
        if (all.length > 0 && ids.length === 0)
          expect({ complete, more: reading.more }).toEqual({ complete: true, more: true });
      }),
    );
  });

  it('are no larger than needed, if all queues have as many', () => {
    const queues = filled(
      0,
      Array.from({ length: 10 }, () => 1_000),
    ).map(({ queue }) => queue);

    expect(planReading({ queues, more: false, cutPriority: null }, 100).pages).toEqual([
      { priority: 0, ofQueue: 10, ofAll: 100 },
    ]);
  });

  it('are of one delivery where queues suffice, and then nothing less urgent is read', () => {
    const queues = [
      ...filled(
        5,
        Array.from({ length: 100 }, () => 1),
      ),
      ...filled(0, [1]),
    ].map(({ queue }) => queue);

    expect(planReading({ queues, more: false, cutPriority: null }, 100)).toEqual({
      queues: queues.slice(0, 100),
      pages: [{ priority: 5, ofQueue: 1, ofAll: 100 }],
      more: true,
    });
  });
});
