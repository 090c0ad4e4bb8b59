import { describe, expect, it } from '@jest/globals';
import type { DeliveryRow, TracedAttempt } from '../../../../lib/adapters/postgres/delivery-rows.ts';
import { buildTimeline } from '../../../../lib/cli/commands/status/timeline.ts';
import { FixHints } from '../../../../lib/cli/hints.ts';
import { type DeadLetter, readDeadLetter } from '../../../../lib/cli/lookups/dead-letters.ts';
import type { DeliveryFacts } from '../../../../lib/cli/lookups/delivery-facts.ts';
import { HOUR_MS } from '../../../../lib/common/time.ts';
import type { RecipientStatuses } from '../../../../lib/domain/delivery-status.ts';
import { serialiseFallbackMessage } from '../../../../lib/domain/fallback-message.ts';
import type { BatchState, BatchStatuses } from '../../../../lib/ports/ledger.ts';
import { anEnvelope } from '../../../support/an-envelope.ts';

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

function aLetter(reason: string): DeadLetter {
  return readDeadLetter({
    queueMessageId: 'q-1',
    receiptHandle: 'handle',
    body: serialiseFallbackMessage(anEnvelope({ envelope: { from: 'a@keybuzz.io', to: [MARIE] } })),
    sentAt: minute(5),
    receiveCount: 1,
    groupId: undefined,
    movedByQueue: false,
    attributes: { reason },
  });
}

function told(row: DeliveryRow | undefined, parts: readonly BatchStatuses[] = []): DeliveryFacts {
  return {
    id: 'reply-1',
    row: { kind: 'told', value: row },
    queue: { kind: 'told', value: { waiting: 0, outOfSight: 0 } },
    deadLetters: { kind: 'told', value: { deadLetters: [], looked: 0, complete: true } },
    parts: { kind: 'told', value: parts },
    suppressed: { kind: 'skipped', reason: 'none' },
  };
}

const wordsOf = (facts: DeliveryFacts) => buildTimeline(facts, NOW, COMMANDS).events.map(({ what }) => what);

describe('the story of a delivery', () => {
  it('waits for its first try where nothing has happened', () => {
    const story = buildTimeline(told(aRow({ status: 'queued', nextRetryAt: minute(40) })), NOW, COMMANDS);
    expect(story.recipients).toEqual([{ address: MARIE, state: 'waiting', lost: false }]);
    expect(story.events.at(-1)).toMatchObject({ at: minute(40), what: 'the next try is due' });
    expect([story.known, story.concerns]).toEqual([true, []]);
  });

  it.each([
    ['unknown', /ended without an answer/],
    ['sending', /ended without an answer/],
    ['open', /did not take it now/],
    ['refused', /refused it for ever/],
  ] as const)('tells what a part that is %s means', (state, words) => {
    expect(wordsOf(told(undefined, [aPart(state)])).at(-1)).toMatch(words);
  });

  it('does not call an answer lost that may still come', () => {
    const claim = { token: 'token-1', startedAt: minute(29), endsAt: minute(31) };
    const words = wordsOf(told(undefined, [aPart('sending', { claim })]));
    expect(words).toEqual(['part 0: the resend Lambda offered it to SES']);
  });

  it('is of concern where it is held', () => {
    const held = anAttempt({ outcome: 'held', failure: { class: 'unknown', code: 'ETIMEDOUT' } });
    const { concerns } = buildTimeline(told(aRow({ attempts: [held] })), NOW, COMMANDS);
    expect(concerns).toEqual([expect.stringContaining('it is held')]);
  });

  it('does not mistake an earlier attempt that was held for the last word', () => {
    const attempts = [anAttempt({ outcome: 'held' }), anAttempt({ outcome: 'handed-over' })];
    expect(buildTimeline(told(aRow({ attempts })), NOW, COMMANDS).concerns).toEqual([]);
  });

  it('tells a delivery that a complaint came after', () => {
    const statuses: RecipientStatuses = {
      [MARIE]: { kind: 'complained', at: minute(9).toISOString(), deliveredAt: minute(5).toISOString() },
    };
    expect(wordsOf(told(undefined, [aPart('sent', { statuses })])).slice(-2)).toEqual([
      'delivered',
      'complained',
    ]);
  });

  it('tells once what the ledger knows of the sending itself', () => {
    const statuses: RecipientStatuses = {
      [MARIE]: { kind: 'sent', at: minute(4).toISOString(), sesMessageId: 'ses-1' },
    };
    const part = aPart('sent', { statuses, sesMessageId: 'ses-1', sentAt: minute(4) });
    expect(wordsOf(told(undefined, [part]))).toEqual([
      'part 0: the resend Lambda offered it to SES',
      'part 0: SES took it as ses-1',
    ]);
    expect(wordsOf(told(aRow({ statuses })))).toContain('sent');
  });

  it('tells recipients of one status together', () => {
    const status = { kind: 'delivered', at: minute(5).toISOString() } as const;
    const statuses = { [MARIE]: status, 'paul@example.org': status };
    const { events } = buildTimeline(told(undefined, [aPart('sent', { statuses })]), NOW, COMMANDS);
    expect(events.at(-1)?.recipients).toEqual([MARIE, 'paul@example.org']);
  });

  it('names commands that are about the same deployment', () => {
    const deadLetters = { kind: 'told', value: { deadLetters: [], looked: 500, complete: false } } as const;
    const { concerns } = buildTimeline({ ...told(aRow({})), deadLetters }, NOW, COMMANDS);
    expect(concerns).toEqual([
      expect.stringContaining('mailctl --stage prod --profile ops dlq show reply-1'),
    ]);
  });

  it('has lost what SES refused, with a letter or without', () => {
    const { recipients, concerns } = buildTimeline(told(undefined, [aPart('refused')]), NOW, COMMANDS);
    expect(recipients).toEqual([{ address: MARIE, state: 'refused by SES', lost: true }]);
    expect(concerns).toContain('part 0: SES refused it for ever, for 1 recipient');
  });

  it('tells that it is parked', () => {
    const value = { deadLetters: [aLetter('foreign-sender')], looked: 1, complete: true };
    const { recipients } = buildTimeline(
      { ...told(undefined), deadLetters: { kind: 'told', value } },
      NOW,
      COMMANDS,
    );
    expect(recipients).toEqual([{ address: MARIE, state: 'parked: foreign-sender', lost: false }]);
  });

  it.each(['unknown', 'sending'] as const)('does not know whether SES has a part that is %s', (state) => {
    const { recipients } = buildTimeline(told(undefined, [aPart(state)]), NOW, COMMANDS);
    expect(recipients).toMatchObject([{ state: 'unknown whether SES has it', lost: false }]);
  });

  it.each(['unknown', 'open'] as const)('is of concern where a part is %s for hours', (state) => {
    const hoursOn = (hours: number) => new Date(minute(2).getTime() + hours * HOUR_MS);
    const concernsAt = (now: Date, row?: DeliveryRow, part = aPart(state)) =>
      buildTimeline(told(row, [part]), now, COMMANDS).concerns;
    expect(concernsAt(hoursOn(5.9))).toEqual([]);
    expect(concernsAt(hoursOn(6))).toEqual([expect.stringContaining('since 6 hours')]);
    // Each try begins a claim of its own.
    const queue = { recipients: [MARIE], queueMessageId: 'queue-1' };
    const row = aRow({ attempts: [anAttempt({ outcome: 'handed-over', queue })] });
    const claim = { token: 'token-9', startedAt: hoursOn(7), endsAt: hoursOn(7.1) };
    expect(concernsAt(hoursOn(8), row, aPart(state, { claim }))).toHaveLength(1);
  });

  it('tells of a recipient that nothing is sent to', () => {
    const ses = { address: MARIE, reason: 'hard-bounce', since: minute(0) } as const;
    const suppressed = {
      kind: 'told',
      value: { addresses: [{ address: MARIE, ses }], unavailable: [] },
    } as const;
    const stateIn = (row: DeliveryRow) =>
      buildTimeline({ ...told(row), suppressed }, NOW, COMMANDS).recipients[0];
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
      'the database was not asked',
      { row: { kind: 'skipped', reason: 'no DATABASE_URL' } },
      'no DATABASE_URL',
    ],
    [
      'the dead letters were looked at in part',
      { deadLetters: { kind: 'told', value: { deadLetters: [], looked: 2000, complete: false } } },
      'past the 2000',
    ],
    [
      'the queue holds mails',
      { queue: { kind: 'told', value: { waiting: 2, outOfSight: 1 } } },
      'the 3 mails of the fallback queue',
    ],
  ])('says who was not asked where nobody knows it and %s', (_, facts, words) => {
    const { known, concerns } = buildTimeline({ ...told(undefined), ...facts }, NOW, COMMANDS);
    expect(known).toBe(false);
    expect(concerns[0]).toContain(words);
  });

  it('is not known where no place tells of it', () => {
    expect(buildTimeline(told(undefined), NOW, COMMANDS)).toEqual({
      events: [],
      recipients: [],
      concerns: [],
      known: false,
    });
  });
});
