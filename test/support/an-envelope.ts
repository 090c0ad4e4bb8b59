import { randomUUID } from 'node:crypto';
import { packMime } from '../../lib/domain/content.ts';
import type { FallbackMessage } from '../../lib/domain/fallback-message.ts';

/** A mail in MIME, from the address in its From header to one recipient. */
export function mimeFrom(from: string, body = 'It is on its way.'): Buffer {
  const lines = [
    `From: ${from}`,
    'To: marie@example.org',
    'Subject: Your order',
    'Message-ID: <m-1@keybuzz.io>',
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}\r\n`);
}

/** An envelope that can be sent; a test overrides only what it is about. */
export function anEnvelope(overrides: Partial<FallbackMessage> = {}): FallbackMessage {
  return {
    version: 1,
    id: randomUUID(),
    tenantId: 'tenant-7',
    envelope: { from: 'support@keybuzz.io', to: ['marie@example.org'] },
    content: packMime(mimeFrom('KeyBuzz <support@keybuzz.io>')),
    createdAt: new Date().toISOString(),
    ...overrides,
  };
}
