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
