import { describe, expect, it } from '@jest/globals';
import type { DeliveryRow, TracedAttempt } from '../../../lib/adapters/postgres/delivery-row.ts';
import type { Fates } from '../../../lib/message/fate.ts';
import type { DeliveryFacts } from '../../../lib/operator/status/delivery-facts.ts';
import { tellDelivery } from '../../../lib/operator/status/tell-delivery.ts';
import type { PartFates, PartState } from '../../../lib/ports/ledger.ts';

const minute = (n: number) => new Date(Date.UTC(2026, 10, 22, 10, n));
const NOW = minute(30);
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
    fates: {},
    ...fields,
  };
}

function anAttempt(fields: Partial<TracedAttempt>): TracedAttempt {
  return { at: minute(1).toISOString(), outcome: 'taken', durationMs: 5, worker: 'worker-1', ...fields };
}

function aPart(state: PartState, fields: Partial<PartFates> = {}): PartFates {
  const claim = { token: 'token-1', startedAt: minute(2), endsAt: minute(3) };
  const part = { deliveryId: 'reply-1', part: 0, recipients: [MARIE], claim };
  return { ...part, state, fates: {}, fatesVersion: 0, ...fields };
}

function told(row: DeliveryRow | undefined, parts: readonly PartFates[] = []): DeliveryFacts {
  return {
    id: 'reply-1',
    row: { kind: 'told', value: row },
    queue: { kind: 'told', value: { waiting: 0, outOfSight: 0 } },
    letters: { kind: 'told', value: { letters: [], looked: 0, complete: true } },
    parts: { kind: 'told', value: parts },
    suppressed: { kind: 'skipped', reason: 'none' },
  };
}

const wordsOf = (facts: DeliveryFacts) => tellDelivery(facts, NOW).events.map(({ what }) => what);

describe('the story of a delivery', () => {
  it('waits for its first try where nothing has happened', () => {
    const story = tellDelivery(told(aRow({ status: 'queued', nextRetryAt: minute(40) })), NOW);
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
    const { concerns } = tellDelivery(told(aRow({ attempts: [held] })), NOW);
    expect(concerns).toEqual([expect.stringContaining('it is held')]);
  });

  it('does not mistake an earlier attempt that was held for the last word', () => {
    const attempts = [anAttempt({ outcome: 'held' }), anAttempt({ outcome: 'handed-over' })];
    expect(tellDelivery(told(aRow({ attempts })), NOW).concerns).toEqual([]);
  });

  it('tells a delivery that a complaint came after', () => {
    const fates: Fates = {
      [MARIE]: { kind: 'complained', at: minute(9).toISOString(), deliveredAt: minute(5).toISOString() },
    };
    expect(wordsOf(told(undefined, [aPart('sent', { fates })])).slice(-2)).toEqual([
      'delivered',
      'complained',
    ]);
  });

  it('tells once what the ledger knows of the sending itself', () => {
    const fates: Fates = { [MARIE]: { kind: 'sent', at: minute(4).toISOString(), sesMessageId: 'ses-1' } };
    const part = aPart('sent', { fates, sesMessageId: 'ses-1', sentAt: minute(4) });
    expect(wordsOf(told(undefined, [part]))).toEqual([
      'part 0: the resend Lambda offered it to SES',
      'part 0: SES took it as ses-1',
    ]);
    expect(wordsOf(told(aRow({ fates })))).toContain('sent');
  });

  it('tells recipients of one fate together', () => {
    const fate = { kind: 'delivered', at: minute(5).toISOString() } as const;
    const fates = { [MARIE]: fate, 'paul@example.org': fate };
    const { events } = tellDelivery(told(undefined, [aPart('sent', { fates })]), NOW);
    expect(events.at(-1)?.recipients).toEqual([MARIE, 'paul@example.org']);
  });

  it('is not known where no place tells of it', () => {
    expect(tellDelivery(told(undefined), NOW)).toEqual({
      events: [],
      recipients: [],
      concerns: [],
      known: false,
    });
  });
});
