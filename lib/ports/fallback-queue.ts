import type { Envelope } from '../message/envelope.ts';

/**
 * The attribute of a queue message that holds what is left of one that was worked: its mail was handed over, and
 * counted, before. A note for counting, and no part of the contract.
 */
export const REMAINDER_ATTRIBUTE = 'remainder';

export interface PushOptions {
  /** How long the queue keeps it back, 0 to 900. */
  readonly delaySeconds?: number;
  /** Whether it is what is left of a message that was worked. */
  readonly isRemainder?: boolean;
}

/** The way to the resend Lambda. */
export interface FallbackQueue {
  /**
   * Puts an envelope into the queue and returns the id that the queue gave it.
   *
   * @throws where the queue did not confirm it: the caller still owns the mail
   */
  push(envelope: Envelope, options?: PushOptions): Promise<string>;
}
