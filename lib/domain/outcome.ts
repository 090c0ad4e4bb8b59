import type { Failure } from './failure.ts';

/** What SMTP took. */
export interface Accepted {
  /** The server's final answer to the data. It means "queued", not "delivered". */
  readonly response: string;
  readonly recipients: readonly string[];
}

/** What was put into the SQS queue. */
export interface HandOver {
  /** The MessageId that SQS gave. */
  readonly queueMessageId: string;
  readonly failure: Failure;
  readonly recipients: readonly string[];
}

/** Why the fallback did not take a mail either. */
export interface FallbackFailure {
  readonly code: 'queue-unavailable' | 'payload-store-unavailable';
  readonly detail: string;
}

interface Told {
  readonly id: string;
  /** The Message-ID header of the mail. SES replaces it by one of its own. */
  readonly messageId: string;
}

/** A mail that SMTP was asked to take and that now is somewhere. */
export type Attempted = Told &
  (
    | { readonly kind: 'taken'; readonly taken: Accepted }
    | { readonly kind: 'handed-over'; readonly handOver: HandOver }
    /** Some recipients by SMTP, the others handed over. */
    | { readonly kind: 'split'; readonly taken: Accepted; readonly handOver: HandOver }
    /** It may have been taken, and the settings say to wait for a person rather than to risk a duplicate. */
    | {
        readonly kind: 'held';
        readonly failure: Failure;
        readonly recipients: readonly string[];
        /** The recipients that SMTP had refused before, if any, were owed for sure and handed over … */
        readonly handOver?: HandOver;
        /** … or not taken by the fallback either, and the caller still owns them. */
        readonly notAccepted?: { readonly recipients: readonly string[]; readonly fallback: FallbackFailure };
      }
    /** Neither way took it: the caller still owns these recipients and tries again later. */
    | {
        readonly kind: 'not-accepted';
        readonly smtp: Failure;
        readonly fallback: FallbackFailure;
        readonly recipients: readonly string[];
        readonly taken?: Accepted;
      }
  );

export type RefusalReason = 'too-large' | 'no-recipient' | 'expired' | 'invalid';

/** A mail that can never be sent as it is; nothing was tried. */
export interface Refused {
  readonly kind: 'refused';
  readonly id: string;
  readonly reason: RefusalReason;
  readonly detail: string;
}

/** What became of one `send`. */
export type Outcome = Attempted | Refused;
