import { expect, it } from '@jest/globals';
import { INITIAL_SENDING_STATE } from '../../../lib/domain/sending-state.ts';
import { noMetrics, silentLog } from '../../../lib/ports/runtime.ts';
import { immediateTurns, MemorySendingState } from '../../support/memory-sending-state.ts';

it('a call that waits until its deadline is the last thing that the function sleeps for', async () => {
  let nowMs = Date.parse('2026-11-28T12:00:00Z');
  const sleeps: number[] = [];
  const outage = { cause: 'sending-paused', sinceMs: nowMs, failures: 5, probeAtMs: nowMs + 60_000 };
  const turns = immediateTurns({
    store: new MemorySendingState({ ...INITIAL_SENDING_STATE, outage }),
    clock: { now: () => new Date(nowMs) },
    sleep: async (ms) => {
      sleeps.push(ms);
      nowMs += ms;
    },
  });
  const deadline = new Date(nowMs + 7_000);

  const turn = await turns.take({
    recipients: 1,
    isUrgent: false,
    deadline,
    log: silentLog,
    metrics: noMetrics,
  });
  await new Promise(setImmediate);

  expect(turn).toEqual({ kind: 'none', cause: 'sending-paused' });
  expect(sleeps.reduce((sum, ms) => sum + ms, 0)).toBe(7_000);
});

it('a turn that passed while the process stood still is not used, but a new one taken', async () => {
  let nowMs = Date.parse('2026-11-28T12:00:00Z');
  const store = new MemorySendingState();
  const asked: number[] = [];
  const turns = immediateTurns({
    store,
    limits: { quota: async () => ({ perSecond: 14, usedToday: 0 }), statistics: async () => [] },
    clock: { now: () => new Date(nowMs) },
    // The first sleep takes three seconds too long.
    sleep: async (ms) => {
      asked.push(ms);
      nowMs += ms + (asked.length === 1 ? 3_000 : 0);
    },
  });
  const call = { isUrgent: false, deadline: new Date(nowMs + 60_000), log: silentLog, metrics: noMetrics };
  await turns.take({ ...call, recipients: 7 });

  const turn = await turns.awaitTurn({ ...call, recipients: 1 }, 0);

  if (turn.kind !== 'turn') throw new Error('no turn');
  expect(asked[0]).toBeGreaterThan(0);
  expect(turn.at.getTime()).toBeGreaterThanOrEqual(nowMs - 500);
});
