import { describe, expect, it } from '@jest/globals';
import type { SQSRecord } from 'aws-lambda';
import fc from 'fast-check';
import { type FeedbackDeps, feedbackBatch } from '../../../lambda/feedback/batch.ts';
import type { BatchStatuses, StatusLedger } from '../../../lib/ports/ledger.ts';
import { aRecord } from '../../support/a-record.ts';
import {
  eventsOfThree,
  FATES_OF_THREE,
  PART_OF_THREE,
  suppressionsOfThree,
} from '../../support/events-of-three.ts';
import { FeedbackBench } from '../../support/feedback-bench.ts';

const EVENTS = eventsOfThree();
const RESPONSE = {
  state: 'sent',
  sesMessageId: 'ses-1',
  sentAt: new Date('2026-08-01T10:00:00.300Z'),
} as const;

/** What the resend Lambda may have written before; one is claimed again, for one recipient alone. */
const BEFORE: readonly (BatchStatuses | undefined)[] = [
  undefined,
  { ...PART_OF_THREE, state: 'sending' },
  { ...PART_OF_THREE, state: 'unknown' },
  { ...PART_OF_THREE, state: 'unknown', recipients: PART_OF_THREE.recipients.slice(0, 1) },
  { ...PART_OF_THREE, state: 'open' },
  { ...PART_OF_THREE, ...RESPONSE },
  { ...PART_OF_THREE, ...RESPONSE, recipients: PART_OF_THREE.recipients.slice(0, 1) },
];

/** A bench whose ledger has the send batch, or not. */
function benchWith(before: BatchStatuses | undefined): FeedbackBench {
  const bench = new FeedbackBench();
  if (before !== undefined) bench.ledger.put(before);
  return bench;
}

/** Redelivers what is left, like the queue, until all of it is acknowledged. */
async function applyAll(batches: readonly (readonly string[])[], deps: FeedbackDeps): Promise<void> {
  for (const batch of batches) {
    let left: SQSRecord[] = batch.map((body) => aRecord(body));
    while (left.length > 0) {
      const { batchItemFailures } = await feedbackBatch(left, deps);
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      left = left.filter(({ messageId }) => failed.has(messageId));
    }
  }
}

async function expectTheEnd(bench: FeedbackBench): Promise<void> {
  expect(await bench.statuses()).toEqual(FATES_OF_THREE);
  expect(bench.known).toEqual(FATES_OF_THREE);
  expect(bench.suppressions).toEqual(suppressionsOfThree());
  expect(await bench.ledger.read('reply-1', 0)).toMatchObject({
    state: 'sent',
    sesMessageId: 'ses-1',
    recipients: PART_OF_THREE.recipients,
  });
}

function permutationsOf<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    permutationsOf(items.toSpliced(index, 1)).map((others) => [item, ...others]),
  );
}

/** Splits after each item whose bit is set. */
function cut<T>(items: readonly T[], cuts: number): T[][] {
  const batches: T[][] = [[]];
  for (const [index, item] of items.entries()) {
    batches.at(-1)?.push(item);
    if ((cuts & (1 << index)) !== 0) batches.push([]);
  }
  return batches;
}

/** Every event at least once, in any order, some of them repeated, split into batches anywhere. */
const arbitraryArrival = fc
  .tuple(fc.array(fc.constantFrom(...EVENTS), { maxLength: 6 }), fc.nat(2 ** 12 - 1))
  .chain(([again, cuts]) =>
    fc
      .shuffledSubarray([...EVENTS, ...again], { minLength: EVENTS.length + again.length })
      .map((events) => cut(events, cuts)),
  );

describe('events of a mail to three recipients', () => {
  it('end in the same state in every order, and in any batches', async () => {
    const permutations = permutationsOf(EVENTS);
    expect(permutations).toHaveLength(720);
    for (const [index, events] of permutations.entries()) {
      for (const cuts of [index % 32, 31]) {
        const bench = benchWith(BEFORE[index % BEFORE.length]);
        await applyAll(cut(events, cuts), bench.deps);
        await expectTheEnd(bench);
      }
    }
  });

  it('end in the same state however often each of them is repeated', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryArrival, fc.constantFrom(...BEFORE), async (batches, before) => {
        const bench = benchWith(before);
        await applyAll(batches, bench.deps);
        await expectTheEnd(bench);
      }),
      { numRuns: 300 },
    );
  });

  it('end in the same state if any call may fail, even after it has taken effect', async () => {
    type Luck = 'works' | 'fails' | 'response-lost';
    const luck = fc.array(fc.constantFrom<Luck>('works', 'works', 'fails', 'response-lost'), {
      maxLength: 40,
    });

    await fc.assert(
      fc.asyncProperty(arbitraryArrival, fc.constantFrom(...BEFORE), luck, async (batches, before, lots) => {
        const bench = benchWith(before);
        const waiting = lots.values();
        const tryLuck = async <T>(call: () => Promise<T>): Promise<T> => {
          const lot = waiting.next().value ?? 'works';
          if (lot === 'fails') throw new Error('not reached');
          const response = await call();
          if (lot === 'response-lost') throw new Error('no response');
          return response;
        };
        const { ledger, receipts, suppressions } = bench.deps;
        await applyAll(batches, {
          ...bench.deps,
          ledger: {
            read: (id, part) => tryLuck(() => ledger.read(id, part)),
            write: (statuses, version) => tryLuck(() => ledger.write(statuses, version)),
          },
          receipts: { push: (all) => tryLuck(() => receipts.push(all)).catch(() => all) },
          suppressions: {
            report: (address, reported) => tryLuck(() => suppressions.report(address, reported)),
          },
        });
        await expectTheEnd(bench);
      }),
      { numRuns: 300 },
    );
  });
});

describe('two invocations that apply events of one send batch at the same time', () => {
  const IN_DOUBT: BatchStatuses = { ...PART_OF_THREE, state: 'unknown' };

  /** Blocks writes until two have read. */
  function racing(ledger: StatusLedger, lost: () => void): StatusLedger {
    let readers = 0;
    const bothHaveRead = Promise.withResolvers<void>();
    return {
      read: async (id, part) => {
        const known = await ledger.read(id, part);
        readers += 1;
        if (readers === 2) bothHaveRead.resolve();
        await bothHaveRead.promise;
        return known;
      },
      write: async (statuses, before) => {
        const written = await ledger.write(statuses, before);
        if (!written) lost();
        return written;
      },
    };
  }

  it('lose nothing, in either order', async () => {
    for (const events of [EVENTS, EVENTS.toReversed()]) {
      const bench = benchWith(IN_DOUBT);
      let races = 0;
      const parts = { ...bench.deps, ledger: racing(bench.ledger, () => (races += 1)) };

      await Promise.all([applyAll([events.slice(0, 3)], parts), applyAll([events.slice(3)], parts)]);

      await expectTheEnd(bench);
      expect(races).toBeGreaterThan(0);
    }
  });

  it('do not race forever: after five lost races the event is postponed', async () => {
    const bench = benchWith(IN_DOUBT);
    let tries = 0;
    const ledger: StatusLedger = {
      read: (id, part) => bench.ledger.read(id, part),
      write: async () => {
        tries += 1;
        return false;
      },
    };
    const record = aRecord(EVENTS[0] ?? '');

    const response = await feedbackBatch([record], { ...bench.deps, ledger });

    expect(tries).toBe(5);
    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(bench.lines('service-failed')).toMatchObject([{ code: 'LEDGER_CONTENDED' }]);
  });
});
