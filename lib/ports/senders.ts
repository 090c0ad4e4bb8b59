import type { CompositionMark, Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import type { MailContent } from '../domain/fallback-message.ts';
import type { HeaderProblem } from '../domain/mime-headers.ts';
import type { Accepted } from '../domain/outcome.ts';
import type { RetryPace } from '../domain/retry.ts';

/** A recipient that the server refused while it accepted others. */
export interface RefusedRecipient {
  readonly address: string;
  readonly failure: Failure;
}

export type SmtpResult =
  | { readonly kind: 'taken'; readonly taken: Accepted; readonly refused: readonly RefusedRecipient[] }
  /** The server refused `refused` before the mail as a whole failed for `failed`. */
  | {
      readonly kind: 'failed';
      readonly failure: Failure;
      readonly failed: readonly string[];
      readonly refused: readonly RefusedRecipient[];
    };

/** The first route: the API's own mail server. */
export interface SmtpRoute {
  /**
   * Sends the delivery to the server. Returns every failure as a result; does not throw.
   *
   * @param abandon when aborted, a delivery that still waits for a session fails in the phase `queue`
   */
  send(delivery: Delivery, options?: { readonly abandon?: AbortSignal }): Promise<SmtpResult>;
  /** Opens a session without sending mail. @returns why that failed, or undefined on success */
  verify(): Promise<Failure | undefined>;
  /** Lets sends in progress finish and closes idle connections. */
  close(): Promise<void>;
}

export interface RawMail {
  /** RFC 5321 reverse path, from the verified domain. */
  readonly from: string;
  /** At most 50. */
  readonly recipients: readonly string[];
  readonly mime: Buffer;
  readonly deliveryId: string;
  /** Number of the send batch in its delivery, from 0. */
  readonly part: number;
  /** Since when the mail waits for the second route; absent if it does not. */
  readonly failedAt?: Date;
  readonly tags: Readonly<Record<string, string>>;
}

/** What an SES error means for the mail. */
export type SesErrorClass =
  /** A retry may succeed; `answerLost` if SES may have accepted it anyway. */
  | { readonly kind: 'retry'; readonly cause: string; readonly pace: RetryPace; readonly answerLost: boolean }
  /** The same call will always fail. */
  | { readonly kind: 'never'; readonly cause: string };

export type SendResponse =
  | { readonly kind: 'sent'; readonly sesMessageId: string }
  | { readonly kind: 'failed'; readonly verdict: SesErrorClass; readonly detail: string };

/** The second route: Amazon SES. */
export interface RawMailSender {
  /** One call, without retries. Returns every failure as a result; does not throw. */
  send(mail: RawMail): Promise<SendResponse>;
}

/** Composes a MIME message from a mail in parts. */
export interface ContentComposer {
  compose(mail: MailContent, mark: CompositionMark): Promise<ComposedContent>;
}

export type ComposedContent =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  | {
      readonly kind: 'unreadable';
      readonly reason: 'too-large' | 'not-composable' | HeaderProblem['reason'];
      readonly detail: string;
    };
