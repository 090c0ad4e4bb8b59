import { describe, expect, it } from '@jest/globals';
import { filterRecipients } from '../../../lambda/resend/filter-recipients.ts';
import { EMPTY_LINE, withQuota } from '../../../lib/domain/send-rate.ts';
import type { Suppression } from '../../../lib/domain/suppression.ts';
import { noMetrics, silentLog, systemClock } from '../../../lib/ports/runtime.ts';
import { immediateTurns, MemorySendingState } from '../../support/memory-sending-state.ts';

const since = new Date('2026-11-20T12:00:00Z');

const listed: ReadonlyMap<string, Suppression> = new Map([
  ['full@example.org', { reason: 'soft-bounces', since }],
  ['gone@example.org', { reason: 'hard-bounce', since }],
]);

async function filter(
  recipients: readonly string[],
  mail: Parameters<typeof filterRecipients>[1] = {},
  isHolding = false,
) {
  const now = Date.now();
  const line = withQuota(EMPTY_LINE, { perSecond: 14, usedToday: 0 }, now);
  const fuse = { cause: 'bounce-rate', rate: 0.045, trippedAtMs: now } as const;
  const store = new MemorySendingState(isHolding ? { line, fuse } : { line });
  return filterRecipients(recipients, mail, {
    suppressions: { find: async () => listed },
    exemptTenants: ['passwords'],
    turns: immediateTurns({ store, hasFuse: true }),
    delivered: { find: async () => new Set(['known@example.org']) },
    clock: systemClock,
    log: silentLog,
    metrics: noMetrics,
  });
}

describe('suppressed recipients', () => {
  it('are removed, regardless of the case of their address', async () => {
    const recipients = ['Gone@Example.org', 'marie@example.org', 'full@example.org'];

    expect(await filter(recipients, { tenantId: 'shop' })).toEqual({
      sendable: ['marie@example.org'],
      suppressed: [
        { recipient: 'Gone@Example.org', reason: 'hard-bounce' },
        { recipient: 'full@example.org', reason: 'soft-bounces' },
      ],
      held: [],
    });
  });

  it('get mail of an exempt tenant if only soft bounces suppress them', async () => {
    expect(await filter(['gone@example.org', 'full@example.org'], { tenantId: 'passwords' })).toEqual({
      sendable: ['full@example.org'],
      suppressed: [{ recipient: 'gone@example.org', reason: 'hard-bounce' }],
      held: [],
    });
    expect((await filter(['full@example.org'])).sendable).toEqual([]);
  });
});

describe('while the reputation fuse holds', () => {
  const recipients = ['Known@example.org', 'new@example.org', 'gone@example.org'];

  it('mail goes only to addresses that were delivered to, and the others are held', async () => {
    expect(await filter(recipients, {}, true)).toEqual({
      sendable: ['Known@example.org'],
      suppressed: [{ recipient: 'gone@example.org', reason: 'hard-bounce' }],
      held: ['new@example.org'],
    });
  });

  it('urgent mail is not held', async () => {
    expect(await filter(recipients, { priority: 'urgent' }, true)).toMatchObject({
      sendable: ['Known@example.org', 'new@example.org'],
      held: [],
    });
  });
});
