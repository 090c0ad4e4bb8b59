import { describe, expect, it } from '@jest/globals';
import { filterSuppressed } from '../../../lambda/resend/filter-suppressed.ts';
import type { Suppression } from '../../../lib/domain/suppression.ts';

const since = new Date('2026-11-20T12:00:00Z');

const listed: ReadonlyMap<string, Suppression> = new Map([
  ['full@example.org', { reason: 'soft-bounces', since }],
  ['gone@example.org', { reason: 'hard-bounce', since }],
]);

async function filter(recipients: readonly string[], tenantId?: string) {
  return filterSuppressed(recipients, tenantId, {
    suppressions: { find: async () => listed },
    exemptTenants: ['passwords'],
    clock: { now: () => new Date() },
  });
}

describe('suppressed recipients', () => {
  it('are removed, regardless of the case of their address', async () => {
    expect(await filter(['Gone@Example.org', 'marie@example.org', 'full@example.org'], 'shop')).toEqual({
      sendable: ['marie@example.org'],
      suppressed: [
        { recipient: 'Gone@Example.org', reason: 'hard-bounce' },
        { recipient: 'full@example.org', reason: 'soft-bounces' },
      ],
    });
  });

  it('get mail of an exempt tenant if only soft bounces suppress them', async () => {
    expect(await filter(['gone@example.org', 'full@example.org'], 'passwords')).toEqual({
      sendable: ['full@example.org'],
      suppressed: [{ recipient: 'gone@example.org', reason: 'hard-bounce' }],
    });
    expect((await filter(['full@example.org'])).sendable).toEqual([]);
  });
});
