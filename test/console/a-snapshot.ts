import type {
  OutboxNow,
  OverviewSnapshot,
  SendingNow,
  WorkerNow,
} from '../../lib/console/sources/overview.ts';
import type { Reading } from '../../lib/console/sources/reading.ts';

/** The time of all snapshots. */
const NOW = new Date('2026-03-01T03:00:00Z');

export const minutesAgo = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);

export const known = <Value>(value: Value): Reading<Value> => ({ kind: 'read', value });

export const UNKNOWN = { kind: 'missing', why: 'it is not there', fix: 'bring it' } as const;

export const anOutbox = (changes: Partial<OutboxNow> = {}): Reading<OutboxNow> =>
  known({
    waiting: 0,
    onHold: 0,
    inHand: 0,
    oldest: undefined,
    oldestAwaited: undefined,
    since: minutesAgo(1440),
    isComplete: true,
    accepted: 100,
    handedOver: 0,
    awaited: 0,
    delivered: 0,
    bounced: 0,
    failed: 0,
    smtp: { lastAccepted: minutesAgo(1), failing: undefined },
    ...changes,
  });

export const aWorker = (changes: Partial<WorkerNow> = {}): Reading<WorkerNow> =>
  known({ isBreakerOpen: false, canHandOver: true, accepted: 0, handedOver: 0, ...changes });

export const aSending = (changes: Partial<SendingNow> = {}): Reading<SendingNow> =>
  known({
    usedPerSecond: 13.3,
    allowedPerSecond: 14,
    sentInLastDay: 10,
    perDay: 50_000,
    outage: undefined,
    throttledAt: undefined,
    secondsToDrain: 0,
    beyondDailyQuota: 0,
    ...changes,
  });

/** A pipeline in which all is well. */
export function aSnapshot(changes: Partial<OverviewSnapshot> = {}): OverviewSnapshot {
  const queue = { waiting: 0, inFlight: 0 };
  return {
    at: NOW,
    outbox: anOutbox(),
    worker: aWorker(),
    queues: known({
      urgent: queue,
      normal: queue,
      held: queue,
      deadLetters: queue,
      feedback: queue,
      receipts: queue,
    }),
    sending: aSending(),
    alarms: known({ inAlarm: [], noData: [], ok: 26 }),
    ...changes,
  };
}
