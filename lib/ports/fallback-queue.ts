import type { Envelope } from '../message/envelope.ts';

/** The way to the resend Lambda. */
export interface FallbackQueue {
  /**
   * Puts an envelope into the queue and returns the id that the queue gave it.
   *
   * @param delaySeconds how long the queue keeps it back, 0 to 900
   * @throws where the queue did not confirm it: the caller still owns the mail
   */
  push(envelope: Envelope, options?: { readonly delaySeconds?: number }): Promise<string>;
}
