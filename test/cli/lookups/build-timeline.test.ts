import { describe, expect, it } from '@jest/globals';
import type { DeliveryRow, TracedAttempt } from '../../../lib/adapters/postgres/delivery-rows.ts';
import { FixHints } from '../../../lib/cli/hints.ts';
import { type DeadLetter, readDeadLetter } from '../../../lib/cli/lookups/dead-letters.ts';
import type { DeliveryFacts } from '../../../lib/cli/lookups/delivery-facts.ts';
import { buildTimeline } from '../../../lib/cli/lookups/timeline/build-timeline.ts';
import { withWords } from '../../../lib/cli/lookups/timeline/status-events.ts';
import { HOUR_MS } from '../../../lib/common/time.ts';
import type { RecipientStatuses } from '../../../lib/domain/delivery-status.ts';
import { serialiseFallbackMessage } from '../../../lib/domain/fallback-message.ts';
import type { BatchState, BatchStatuses } from '../../../lib/ports/ledger.ts';
import { anEnvelope } from '../../support/an-envelope.ts';

const minute = (n: number) => new Date(Date.UTC(2026, 10, 22, 10, n));
const NOW = minute(30);
const COMMANDS = new FixHints({ project: 'keybuzz', stage: 'prod' }, 'eu-west-1', 'ops');
const MARIE = 'marie@example.org';

function aRow(fields: Partial<DeliveryRow>): DeliveryRow {
  return {
    id: 'reply-1',
    tenantId: 'tenant-1',
    targetAddress: MARIE,
    provider: 'email',
    status: 'sending',
    attemptCount: 1,
    lastError: undefined,
    createdAt: minute(0),
    deliveredAt: undefined,
    nextRetryAt: undefined,
    expiresAt: undefined,
    lease: undefined,
    attempts: [],
    statuses: {},
    ...fields,
  };
}

function anAttempt(fields: Partial<TracedAttempt>): TracedAttempt {
  return { at: minute(1).toISOString(), outcome: 'taken', durationMs: 5, worker: 'worker-1', ...fields };
}

function aPart(state: BatchState, fields: Partial<BatchStatuses> = {}): BatchStatuses {
  const claim = { token: 'token-1', startedAt: minute(2), endsAt: minute(3) };
  const part = { deliveryId: 'reply-1', part: 0, recipients: [MARIE], claim };
  return { ...part, state, statuses: {}, fatesVersion: 0, ...fields };
}

function aDeadLetter(cause: string): DeadLetter {
  return readDeadLetter({
    queueMessageId: 'q-1',
    receiptHandle: 'handle',
    body: serialiseFallbackMessage(anEnvelope({ envelope: { from: 'a@keybuzz.io', to: [MARIE] } })),
    sentAt: minute(5),
    receiveCount: 1,
    groupId: undefined,
    movedByQueue: false,
    attributes: { cause },
  });
}

function facts(row: DeliveryRow | undefined, parts: readonly BatchStatuses[] = []): DeliveryFacts {
  return {
    id: 'reply-1',
    row: { kind: 'told', value: row },
    queue: { kind: 'told', value: { waiting: 0, inFlight: 0 } },
    deadLetters: { kind: 'told', value: { deadLetters: [], looked: 0, complete: true } },
    parts: { kind: 'told', value: parts },
    suppressed: { kind: 'skipped', reason: 'none' },
  };
}

const eventsOf = (facts: DeliveryFacts) =>
  buildTimeline(facts, NOW, COMMANDS).events.map(({ what, words }) => withWords(what, words));

describe('the timeline of a delivery', () => {
  it('waits for its first attempt if nothing has happened', () => {
    const timeline = buildTimeline(facts(aRow({ status: 'queued', nextRetryAt: minute(40) })), NOW, COMMANDS);
    expect(timeline.recipients).toEqual([{ address: MARIE, state: 'waiting', lost: false }]);
    expect(timeline.events.at(-1)).toMatchObject({ at: minute(40), what: 'the next try is due' });
    expect([timeline.known, timeline.concerns]).toEqual([true, []]);
  });

  it.each([
    ['unknown', /ended without an answer/],
    ['sending', /ended without an answer/],
    ['open', /did not take it now/],
    ['refused', /refused it for ever/],
  ] as const)('explains a send batch that is %s', (state, words) => {
    expect(eventsOf(facts(undefined, [aPart(state)])).at(-1)).toMatch(words);
  });

  it('does not call a result unknown while the response may still arrive', () => {
    const claim = { token: 'token-1', startedAt: minute(29), endsAt: minute(31) };
    const events = eventsOf(facts(undefined, [aPart('sending', { claim })]));
    expect(events).toEqual(['part 0: the resend Lambda offered it to SES']);
  });

  it('is a concern if it is held', () => {
    const held = anAttempt({ outcome: 'held', failure: { class: 'unknown', code: 'ETIMEDOUT' } });
    const { concerns } = buildTimeline(facts(aRow({ attempts: [held] })), NOW, COMMANDS);
    expect(concerns).toEqual([expect.stringContaining('it is held')]);
  });

  it('does not take an earlier held attempt for the latest state', () => {
    const attempts = [anAttempt({ outcome: 'held' }), anAttempt({ outcome: 'handed-over' })];
    expect(buildTimeline(facts(aRow({ attempts })), NOW, COMMANDS).concerns).toEqual([]);
  });

  it('shows a delivery that was followed by a complaint', () => {
    const statuses: RecipientStatuses = {
      [MARIE]: { kind: 'complained', at: minute(9).toISOString(), deliveredAt: minute(5).toISOString() },
    };
    expect(eventsOf(facts(undefined, [aPart('sent', { statuses })])).slice(-2)).toEqual([
      'delivered',
      'complained',
    ]);
  });

  it('shows the sending only once if the ledger has it', () => {
    const statuses: RecipientStatuses = {
      [MARIE]: { kind: 'sent', at: minute(4).toISOString(), sesMessageId: 'ses-1' },
    };
    const part = aPart('sent', { statuses, sesMessageId: 'ses-1', sentAt: minute(4) });
    expect(eventsOf(facts(undefined, [part]))).toEqual([
      'part 0: the resend Lambda offered it to SES',
      'part 0: SES took it as ses-1',
    ]);
    expect(eventsOf(facts(aRow({ statuses })))).toContain('sent');
  });

  it('groups recipients with the same status', () => {
    const status = { kind: 'delivered', at: minute(5).toISOString() } as const;
    const statuses = { [MARIE]: status, 'paul@example.org': status };
    const { events } = buildTimeline(facts(undefined, [aPart('sent', { statuses })]), NOW, COMMANDS);
    expect(events.at(-1)?.recipients).toEqual([MARIE, 'paul@example.org']);
  });

  it('prints commands for the same deployment', () => {
    const deadLetters = { kind: 'told', value: { deadLetters: [], looked: 500, complete: false } } as const;
    const { concerns } = buildTimeline({ ...facts(aRow({})), deadLetters }, NOW, COMMANDS);
    expect(concerns).toEqual([
      expect.stringContaining('mailctl --stage prod --profile ops dlq show reply-1'),
    ]);
  });

  it('counts what SES rejected as lost, with or without a dead letter', () => {
    const { recipients, concerns } = buildTimeline(facts(undefined, [aPart('refused')]), NOW, COMMANDS);
    expect(recipients).toEqual([{ address: MARIE, state: 'refused by SES', lost: true }]);
    expect(concerns).toContain('part 0: SES refused it for ever, for 1 recipient');
  });

  it('shows that it is dead-lettered', () => {
    const value = { deadLetters: [aDeadLetter('foreign-sender')], looked: 1, complete: true };
    const { recipients } = buildTimeline(
      { ...facts(undefined), deadLetters: { kind: 'told', value } },
      NOW,
      COMMANDS,
    );
    expect(recipients).toEqual([{ address: MARIE, state: 'parked: foreign-sender', lost: false }]);
  });

  it.each(['unknown', 'sending'] as const)(
    'does not know whether SES has a send batch that is %s',
    (state) => {
      const { recipients } = buildTimeline(facts(undefined, [aPart(state)]), NOW, COMMANDS);
      expect(recipients).toMatchObject([{ state: 'unknown whether SES has it', lost: false }]);
    },
  );

  it.each(['unknown', 'open'] as const)('is a concern if a send batch is %s for hours', (state) => {
    const hoursOn = (hours: number) => new Date(minute(2).getTime() + hours * HOUR_MS);
    const concernsAt = (now: Date, row?: DeliveryRow, part = aPart(state)) =>
      buildTimeline(facts(row, [part]), now, COMMANDS).concerns;
    expect(concernsAt(hoursOn(5.9))).toEqual([]);
    expect(concernsAt(hoursOn(6))).toEqual([expect.stringContaining('since 6 hours')]);
    // Each attempt begins a claim of its own.
    const queue = { recipients: [MARIE], queueMessageId: 'queue-1' };
    const row = aRow({ attempts: [anAttempt({ outcome: 'handed-over', queue })] });
    const claim = { token: 'token-9', startedAt: hoursOn(7), endsAt: hoursOn(7.1) };
    expect(concernsAt(hoursOn(8), row, aPart(state, { claim }))).toHaveLength(1);
  });

  it('shows a suppressed recipient', () => {
    const ses = { address: MARIE, reason: 'hard-bounce', since: minute(0) } as const;
    const suppressed = {
      kind: 'told',
      value: { addresses: [{ address: MARIE, ses }], unavailable: [] },
    } as const;
    const stateIn = (row: DeliveryRow) =>
      buildTimeline({ ...facts(row), suppressed }, NOW, COMMANDS).recipients[0];
    const queue = { recipients: [MARIE], queueMessageId: 'queue-1' };
    const handedOver = aRow({ attempts: [anAttempt({ outcome: 'handed-over', queue })] });
    expect(stateIn(handedOver)).toMatchObject({ state: 'suppressed', lost: true });
    expect(stateIn(aRow({ status: 'queued' }))).toMatchObject({
      state: expect.stringContaining('suppressed'),
      lost: false,
    });
  });

  it.each<[string, Partial<DeliveryFacts>, string]>([
    [
      'the database was not queried',
      { row: { kind: 'skipped', reason: 'no DATABASE_URL' } },
      'no DATABASE_URL',
    ],
    [
      'the dead letters were scanned in part',
      { deadLetters: { kind: 'told', value: { deadLetters: [], looked: 2000, complete: false } } },
      'past the 2000',
    ],
    [
      'the queue contains mails',
      { queue: { kind: 'told', value: { waiting: 2, inFlight: 1 } } },
      'the 3 mails of the fallback queues',
    ],
  ])('says what was not checked if no source knows the id and %s', (_, overrides, concern) => {
    const { known, concerns } = buildTimeline({ ...facts(undefined), ...overrides }, NOW, COMMANDS);
    expect(known).toBe(false);
    expect(concerns[0]).toContain(concern);
  });

  it('is unknown if no source has it', () => {
    expect(buildTimeline(facts(undefined), NOW, COMMANDS)).toEqual({
      events: [],
      recipients: [],
      concerns: [],
      known: false,
    });
  });
});
