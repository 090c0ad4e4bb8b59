import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { knownNames, nameOf, type PlannedFault, scheduleOf } from './schedule.ts';

const seeds = fc.integer({ min: 0, max: 1_000_000 });
const lengths = fc.integer({ min: 5_000, max: 900_000 });
/** A schedule is long. */
const FEW = { numRuns: 25 };

describe('the schedule of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    fc.assert(
      fc.property(seeds, lengths, (seed, totalMs) => {
        const schedule = scheduleOf({ seed, totalMs });

        expect(scheduleOf({ seed, totalMs })).toEqual(schedule);
        expect(scheduleOf({ seed: seed + 1, totalMs })).not.toEqual(schedule);
      }),
      FEW,
    );
  });

  it('ends every fault in time, and disturbs every part in one way at a time', () => {
    fc.assert(
      fc.property(seeds, lengths, (seed, totalMs) => {
        const schedule = scheduleOf({ seed, totalMs });

        expect(schedule.length).toBeGreaterThan(0);
        expect(schedule.filter(({ atMs, durationMs }) => atMs < 0 || atMs + durationMs > totalMs)).toEqual(
          [],
        );
        const overlapping = [...Map.groupBy(schedule, partOf).values()].flatMap((turns) =>
          turns.filter(({ atMs }, index) => atMs < endOf(turns[index - 1])),
        );
        expect(overlapping).toEqual([]);
      }),
      FEW,
    );
  });

  it('has only what it is limited to, and leaves the rest as it is', () => {
    const all = scheduleOf({ seed: 5, totalMs: 600_000 });
    const smtp = scheduleOf({ seed: 5, totalMs: 600_000, only: ['smtp'] });

    expect(smtp).toEqual(all.filter(({ target }) => target === 'smtp'));
    const killed = scheduleOf({ seed: 5, totalMs: 600_000, only: ['killed', 'ses:5xx'] });
    expect(new Set(killed.map(nameOf))).toEqual(
      new Set(['worker:killed', 'resend:killed', 'feedback:killed', 'ses:5xx']),
    );
  });

  it('has every fault in a long run', () => {
    const names = new Set(scheduleOf({ seed: 1, totalMs: 8 * 3_600_000 }).map(nameOf));

    expect(names).toEqual(new Set([...knownNames()].filter((name) => name.includes(':'))));
  });
});

function endOf(turn: PlannedFault | undefined): number {
  return turn === undefined ? 0 : turn.atMs + turn.durationMs;
}

/** The functions are one part. */
function partOf({ target }: { readonly target: string }): string {
  return target === 'feedback' ? 'resend' : target;
}
