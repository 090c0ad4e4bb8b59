import { createHash } from 'node:crypto';
import { parseDomain } from './address.ts';

/** One mail that the API asked for, composed once: the bytes that SMTP is offered are the bytes that SES gets. */
export interface Delivery {
  /** The idempotency key. */
  readonly id: string;
  readonly tenantId?: string;
  /** RFC 5321 reverse path. */
  readonly from: string;
  /** RFC 5321 forward paths, each once: the recipients still owed. */
  readonly to: readonly string[];
  /** The composed message, CRLF line ends, without a Bcc header. */
  readonly mime: Buffer;
  /** The Message-ID header of the composed message, in angle brackets. */
  readonly messageId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly tags?: Readonly<Record<string, string>>;
}

/** All that composing a mail would otherwise make up anew each time. */
export interface CompositionMark {
  readonly messageId: string;
  readonly date: Date;
  /** What the boundaries of its parts are made of. */
  readonly baseBoundary: string;
}

/**
 * The same for the same delivery, whoever composes it and when: a mail that is composed again has the same bytes,
 * so that a duplicate can be told from a second mail.
 */
export function compositionMark(id: string, from: string, createdAt: Date): CompositionMark {
  const hash = createHash('sha256').update(id).digest('hex');
  return {
    messageId: `<${hash.slice(0, 40)}@${parseDomain(from)}>`,
    date: createdAt,
    baseBoundary: hash.slice(40),
  };
}
