import type { Delivery } from '../message/delivery.ts';
import type { Failure } from '../message/failure.ts';
import type { Taken } from '../message/outcome.ts';

/** A recipient that the server refused while it went on with the others. */
export interface RefusedRecipient {
  readonly address: string;
  readonly failure: Failure;
}

export type SmtpAnswer =
  | { readonly kind: 'taken'; readonly taken: Taken; readonly refused: readonly RefusedRecipient[] }
  /** The server had refused `refused` before the mail failed for the `failed` as a whole. */
  | {
      readonly kind: 'failed';
      readonly failure: Failure;
      readonly failed: readonly string[];
      readonly refused: readonly RefusedRecipient[];
    };

/** The first way out: the API's own mail server. */
export interface SmtpRoute {
  /**
   * Offers the delivery to the server. Every failure is an answer; it does not throw.
   *
   * @param abandon when aborted, a delivery for which no session is ready yet is given up, in the phase `queue`
   */
  send(delivery: Delivery, options?: { readonly abandon?: AbortSignal }): Promise<SmtpAnswer>;
  /** Makes a session and sends no mail: why that failed, or nothing where it went well. */
  verify(): Promise<Failure | undefined>;
  /** Lets sends under way finish and closes idle connections. */
  close(): Promise<void>;
}
