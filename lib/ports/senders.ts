import type { CompositionMark, Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import type { MailContent } from '../domain/fallback-message.ts';
import type { HeaderProblem } from '../domain/mime-headers.ts';
import type { Accepted } from '../domain/outcome.ts';
import type { RetryPace } from '../domain/retry.ts';

/** A recipient that the server refused while it went on with the others. */
export interface RefusedRecipient {
  readonly address: string;
  readonly failure: Failure;
}

export type SmtpResult =
  | { readonly kind: 'taken'; readonly taken: Accepted; readonly refused: readonly RefusedRecipient[] }
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
  send(delivery: Delivery, options?: { readonly abandon?: AbortSignal }): Promise<SmtpResult>;
  /** Makes a session and sends no mail: why that failed, or nothing where it went well. */
  verify(): Promise<Failure | undefined>;
  /** Lets sends under way finish and closes idle connections. */
  close(): Promise<void>;
}

export interface RawMail {
  /** RFC 5321 reverse path, from the verified domain. */
  readonly from: string;
  /** At most 50. */
  readonly recipients: readonly string[];
  readonly mime: Buffer;
  readonly deliveryId: string;
  /** Which part of the delivery it is, from 0. */
  readonly part: number;
  /** Since when the mail waits for a second way out; absent where it does not. */
  readonly failedAt?: Date;
  readonly tags: Readonly<Record<string, string>>;
}

/** What SES's refusal means for the mail. */
export type SesErrorClass =
  /** It may yet succeed; `answerLost` where SES may have taken it all the same. */
  | { readonly kind: 'retry'; readonly cause: string; readonly pace: RetryPace; readonly answerLost: boolean }
  /** The same call would fail for ever. */
  | { readonly kind: 'never'; readonly cause: string };

export type SendResponse =
  | { readonly kind: 'sent'; readonly sesMessageId: string }
  | { readonly kind: 'failed'; readonly verdict: SesErrorClass; readonly detail: string };

/** The second way out: Amazon SES. */
export interface RawMailSender {
  /** One call, never repeated by itself. Every failure is an answer; it does not throw. */
  send(mail: RawMail): Promise<SendResponse>;
}

/** Makes a MIME message of a mail that came in parts. */
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
