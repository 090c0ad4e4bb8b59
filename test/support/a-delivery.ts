import { randomUUID } from 'node:crypto';
import { HOUR_MS } from '../../lib/common/time.ts';
import type { Delivery } from '../../lib/domain/delivery.ts';

/** A plain delivery; a test overrides only what it is about. */
export function aDelivery(overrides: Partial<Delivery> = {}): Delivery {
  const id = overrides.id ?? randomUUID();
  const messageId = `<${id}@keybuzz.io>`;
  const mime = Buffer.from(
    `From: KeyBuzz <support@keybuzz.io>\r\nTo: marie@example.org\r\nSubject: Your order\r\nDate: Sun, 22 Nov 2026 09:00:00 +0000\r\nMessage-ID: ${messageId}\r\n\r\n` +
      '..a line that starts with a dot\r\nIt is on its way.\r\n',
  );
  return {
    id,
    tenantId: 'tenant-7',
    from: 'support@keybuzz.io',
    to: ['marie@example.org'],
    mime,
    messageId,
    createdAt: new Date(),
    expiresAt: new Date(Date.now() + HOUR_MS),
    ...overrides,
  };
}
