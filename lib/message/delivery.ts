/** One mail that the API asked for, composed once: the bytes that SMTP is offered are the bytes that SES gets. */
export interface Delivery {
  /** The idempotency key. */
  readonly id: string;
  readonly tenantId?: string;
  /** RFC 5321 reverse path. */
  readonly from: string;
  /** RFC 5321 forward paths, each once: the recipients still owed. */
  readonly to: readonly string[];
  /** The frozen message, CRLF line ends, without a Bcc header. */
  readonly mime: Buffer;
  /** The Message-ID header of the frozen message, in angle brackets. */
  readonly messageId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly tags?: Readonly<Record<string, string>>;
}
