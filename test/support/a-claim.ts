import { randomUUID } from 'node:crypto';
import { HOUR_MS } from '../../lib/common/time.ts';
import type { StoredMailFields } from '../../lib/domain/stored-mail.ts';
import type { Claim } from '../../lib/ports/outbox.ts';

/** A claim of a plain mail; a test overrides only what it is about. */
export function aClaim(overrides: Partial<Claim> = {}, fields: Partial<StoredMailFields> = {}): Claim {
  return {
    id: randomUUID(),
    tenantId: 'tenant-7',
    mail: {
      kind: 'mail',
      fields: {
        from: 'KeyBuzz <support@keybuzz.io>',
        to: 'marie@example.org',
        subject: 'Your order',
        text: 'It is on its way.',
        ...fields,
      },
    },
    createdAt: new Date('2026-11-22T09:00:00Z'),
    expiresAt: new Date(Date.now() + HOUR_MS),
    waitedMs: 3,
    attempts: 1,
    reclaimed: false,
    ...overrides,
  };
}
