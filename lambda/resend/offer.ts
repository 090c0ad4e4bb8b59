import type { Envelope } from '../../lib/message/envelope.ts';

/** What is to be sent, and to whom. */
export interface Offer {
  readonly envelope: Envelope;
  readonly mime: Buffer;
  /** Of the bytes of `mime`, in hexadecimal digits. */
  readonly contentSha256: string;
  /** RFC 5321 reverse path, its domain in ASCII. */
  readonly from: string;
  readonly recipients: readonly string[];
}
