import { setTimeout as delay } from 'node:timers/promises';
import { SendTurns, type SendTurnsDeps } from '../../lambda/resend/send-turns.ts';
import { INITIAL_SENDING_STATE, type SendingState } from '../../lib/domain/sending-state.ts';
import { systemClock } from '../../lib/ports/runtime.ts';
import type { SendingStateStore, StoredSendingState } from '../../lib/ports/sending.ts';

/** A sending state in memory, for tests of decisions that depend on it. */
export class MemorySendingState implements SendingStateStore {
  stored: StoredSendingState;
  writes = 0;

  constructor(state: SendingState = INITIAL_SENDING_STATE) {
    this.stored = { state, version: 0 };
  }

  async read(): Promise<StoredSendingState> {
    return this.stored;
  }

  async write(state: SendingState, seen: StoredSendingState): Promise<StoredSendingState | undefined> {
    this.writes += 1;
    if (seen.version !== this.stored.version) return undefined;
    this.stored = { state, version: seen.version + 1 };
    return this.stored;
  }
}

/** Turns of an account whose quota no test reaches, unless the overrides say otherwise. */
export function immediateTurns(overrides: Partial<SendTurnsDeps> = {}): SendTurns {
  return new SendTurns({
    store: new MemorySendingState(),
    limits: { quota: async () => ({ perSecond: 10_000, usedToday: 0 }), statistics: async () => [] },
    hasFuse: false,
    clock: systemClock,
    sleep: delay,
    random: () => 0.5,
    ...overrides,
  });
}
