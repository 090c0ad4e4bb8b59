import { describe, expect, it } from '@jest/globals';
import {
  FEEDBACK_MAX_RETRY_SECONDS,
  FEEDBACK_VISIBILITY_SECONDS,
} from '../../../lambda/feedback/constants.ts';
import {
  eventDueAt,
  nextAttemptAt,
  observeEvents,
  type SendEventDeps,
} from '../../../lambda/resend/wait-for-send-event.ts';
import { MINUTE_MS } from '../../../lib/common/time.ts';
import { countLatencies, type EventPace } from '../../../lib/domain/event-latency.ts';
import type { BatchState, SendBatch } from '../../../lib/ports/ledger.ts';
import { silentLog } from '../../../lib/ports/runtime.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const ago = (ms: number) => new Date(NOW.getTime() - ms);
const inMs = (ms: number) => new Date(NOW.getTime() + ms);

function waitWith(pace: EventPace, isBackedUp: boolean): SendEventDeps {
  return {
    latencies: { recent: async () => pace },
    backlog: { anyWaiting: async () => isBackedUp },
    eventWait: { leastMs: MINUTE_MS, defaultMs: 15 * MINUTE_MS, mostMs: 60 * MINUTE_MS },
    clock: { now: () => NOW },
    log: silentLog,
  };
}

function lostAt(endsAt: Date, state: BatchState = 'unknown'): SendBatch {
  const claim = { token: 't', startedAt: new Date(endsAt.getTime() - 1_000), endsAt };
  return { deliveryId: 'one', part: 0, contentSha256: 'a', recipients: ['marie@example.org'], state, claim };
}

/** Events arrive within a second, and one was applied of a mail that SES accepted just now. */
const fast: EventPace = {
  counts: countLatencies(Array.from({ length: 1_000 }, () => 900)),
  newestSentAt: NOW,
};

async function heldUntil(batch: SendBatch, pace: EventPace, isBackedUp = false): Promise<Date | undefined> {
  return nextAttemptAt(batch, await observeEvents([batch], waitWith(pace, isBackedUp)), NOW);
}

describe('waiting for the event of an unknown result', () => {
  it.each<BatchState>(['sending', 'unknown'])(
    'leaves a send batch alone until its claim ends: %s',
    async (state) => {
      expect(await heldUntil(lostAt(inMs(7_000), state), fast)).toEqual(inMs(7_000));
    },
  );

  it('uses the safe default while too few latencies are known', async () => {
    const few = { ...fast, counts: countLatencies([500]) };
    expect(await heldUntil(lostAt(ago(MINUTE_MS)), few)).toEqual(inMs(14 * MINUTE_MS));
    expect(await eventDueAt(waitWith({ counts: [] }, false))).toEqual(inMs(15 * MINUTE_MS));
  });

  it('waits no longer than measured, and never less than configured', async () => {
    expect(await heldUntil(lostAt(ago(MINUTE_MS - 1)), fast)).toEqual(inMs(1));
    expect(await heldUntil(lostAt(ago(MINUTE_MS)), fast)).toBeUndefined();
  });

  it('does not rely on old latencies: no event of a later mail has arrived', async () => {
    const late = { ...fast, newestSentAt: ago(2 * MINUTE_MS) };
    expect(await heldUntil(lostAt(ago(MINUTE_MS)), late)).toEqual(inMs(14 * MINUTE_MS));
    expect(await heldUntil(lostAt(ago(15 * MINUTE_MS)), late)).toBeUndefined();
  });

  it('continues to wait while events are in the queue, however recent the applied ones are', async () => {
    const batch = lostAt(ago(10 * MINUTE_MS));
    expect(await heldUntil(batch, fast, true)).toEqual(inMs(MINUTE_MS));
    expect(await heldUntil(batch, fast, false)).toBeUndefined();
  });

  it('stops waiting once an applied event is newer by more than the queue can delay an older one', async () => {
    const keptBackMs = 1000 * (FEEDBACK_VISIBILITY_SECONDS + FEEDBACK_MAX_RETRY_SECONDS);
    expect(await heldUntil(lostAt(ago(keptBackMs)), fast, true)).toEqual(inMs(MINUTE_MS));
    expect(await heldUntil(lostAt(ago(keptBackMs + 1)), fast, true)).toBeUndefined();
  });

  it('lasts through an outage in which no events were applied, and ends', async () => {
    const outage: EventPace = { counts: fast.counts, newestSentAt: ago(800 * MINUTE_MS) };
    expect(await heldUntil(lostAt(ago(240 * MINUTE_MS)), outage, true)).toEqual(inMs(MINUTE_MS));
    expect(await heldUntil(lostAt(ago(720 * MINUTE_MS - 5_000)), outage, true)).toEqual(inMs(5_000));
    expect(await heldUntil(lostAt(ago(720 * MINUTE_MS)), outage, true)).toBeUndefined();
  });

  it('waits if it cannot read latencies and backlog', async () => {
    const fail = async () => {
      throw new Error('down');
    };
    const wait = { ...waitWith(fast, false), latencies: { recent: fail }, backlog: { anyWaiting: fail } };
    const [young, old] = [lostAt(ago(MINUTE_MS)), lostAt(ago(20 * MINUTE_MS))];

    const observed = await observeEvents([young, old], wait);
    const held = (batch: SendBatch) => nextAttemptAt(batch, observed, NOW);

    expect(held(young)).toEqual(inMs(14 * MINUTE_MS));
    expect(held(old)).toEqual(inMs(MINUTE_MS));
  });
});
