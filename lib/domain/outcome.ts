import type { RefusedAddress } from './delivery.ts';
import type { Failure } from './failure.ts';

/** What SMTP accepted. */
export interface Accepted {
  /** The server's final reply to DATA. It means "queued", not "delivered". */
  readonly response: string;
  readonly recipients: readonly string[];
}

/** What was sent to the SQS queue. */
export interface HandOver {
  /** The MessageId of SQS. */
  readonly queueMessageId: string;
  readonly failure: Failure;
  readonly recipients: readonly string[];
}

/** Why the fallback did not accept a mail either. */
export interface FallbackFailure {
  /** `…-unavailable` may pass by itself; `…-misconfigured` does not: a setting, the key or a permission is wrong. */
  readonly code: `${'queue' | 'payload-store'}-${'unavailable' | 'misconfigured'}`;
  readonly detail: string;
}

interface Identified {
  readonly id: string;
  /** The Message-ID header of the mail. SES replaces it with its own. */
  readonly messageId: string;
  /** Recipients that the mail was not tried for, since neither route can send to them; absent if there are none. */
  readonly refused?: readonly RefusedAddress[];
}

/** A mail that was tried, and where it is now. */
export type Attempted = Identified &
  (
    | { readonly kind: 'taken'; readonly taken: Accepted }
    | { readonly kind: 'handed-over'; readonly handOver: HandOver }
    /** Some recipients by SMTP, the others handed over. */
    | { readonly kind: 'split'; readonly taken: Accepted; readonly handOver: HandOver }
    /** SMTP may have accepted it; the settings say to wait for an operator rather than risk a duplicate. */
    | {
        readonly kind: 'held';
        readonly failure: Failure;
        readonly recipients: readonly string[];
        /** The recipients that SMTP had refused before, if any, were certainly owed and handed over … */
        readonly handOver?: HandOver;
        /** … or not accepted by the fallback either, and the caller still owns them. */
        readonly notAccepted?: { readonly recipients: readonly string[]; readonly fallback: FallbackFailure };
      }
    /** Neither route accepted it: the caller still owns these recipients and retries later. */
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

/** The result of one `send`. */
export type Outcome = Attempted | Refused;
