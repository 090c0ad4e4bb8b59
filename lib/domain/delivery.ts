import { hash } from 'node:crypto';
import { parseDomain } from './address.ts';
import type { DsnRequest } from './dsn.ts';
import type { Priority } from './fallback-message.ts';

/** A recipient that can never be sent to. */
export interface RefusedAddress {
  readonly address: string;
  /** The rule that the address breaks, without the address. */
  readonly detail: string;
}

/** One mail of the API, composed once: SMTP and SES get the same bytes. */
export interface Delivery {
  /** The idempotency key. */
  readonly id: string;
  readonly tenantId?: string;
  /** RFC 5321 reverse path. */
  readonly from: string;
  /** RFC 5321 forward paths without duplicates: the recipients still owed. */
  readonly to: readonly string[];
  /** The composed message, CRLF line ends, without a Bcc header. */
  readonly mime: Buffer;
  /** The Message-ID header of the composed message, in angle brackets. */
  readonly messageId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly tags?: Readonly<Record<string, string>>;
  /** How soon the fallback sends it while others wait. @default 'normal' */
  readonly priority?: Priority;
  /** Recipients of the mail that neither route can send to; they are not in `to`. */
  readonly refused?: readonly RefusedAddress[];
  /** Header fields that SMTP alone gets, in front of `mime`, each with its CRLF. */
  readonly smtpHeader?: string;
  /** For SMTP alone, and only where the server offers it. */
  readonly dsn?: DsnRequest;
}

/** Everything that composing would otherwise generate anew each time. */
export interface CompositionMark {
  readonly messageId: string;
  readonly date: Date;
  /** Base of the MIME boundaries. */
  readonly baseBoundary: string;
}

/**
 * Deterministic per delivery: a mail that is composed again has the same bytes, so that a duplicate can be
 * distinguished from a second mail.
 */
export function compositionMark(id: string, from: string, createdAt: Date): CompositionMark {
  const digest = hash('sha256', id);
  return {
    messageId: `<${digest.slice(0, 40)}@${parseDomain(from)}>`,
    date: createdAt,
    baseBoundary: digest.slice(40),
  };
}
