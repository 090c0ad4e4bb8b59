import { createHash, randomUUID } from 'node:crypto';
import type { BatchClaim, NewSendBatch } from '../../../lib/ports/ledger.ts';

export function aClaim(overrides: Partial<BatchClaim> = {}): BatchClaim {
  const startedAt = new Date('2026-03-01T10:00:00.123Z');
  return {
    token: randomUUID(),
    startedAt,
    endsAt: new Date(startedAt.getTime() + 60_000),
    ...overrides,
  };
}

/** A send batch that was not claimed before; a test overrides only what it is about. */
export function aNewPart(overrides: Partial<NewSendBatch> = {}): NewSendBatch {
  return {
    deliveryId: randomUUID(),
    part: 0,
    tenantId: 'tenant-7',
    contentSha256: createHash('sha256').update('a mail').digest('hex'),
    recipients: ['marie@example.org'],
    claim: aClaim(),
    ...overrides,
  };
}

/** The key of a claim. */
export function claimed({ deliveryId, part, claim }: NewSendBatch) {
  return { deliveryId, part, token: claim.token };
}
