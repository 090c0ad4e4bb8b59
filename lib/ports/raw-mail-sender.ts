import type { RetryPace } from '../message/retry-schedule.ts';

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
export type SendVerdict =
  /** It may yet succeed; `answerLost` where SES may have taken it all the same. */
  | { readonly kind: 'retry'; readonly cause: string; readonly pace: RetryPace; readonly answerLost: boolean }
  /** The same call would fail for ever. */
  | { readonly kind: 'never'; readonly cause: string };

export type SendAnswer =
  | { readonly kind: 'sent'; readonly sesMessageId: string }
  | { readonly kind: 'failed'; readonly verdict: SendVerdict; readonly detail: string };

/** The second way out: Amazon SES. */
export interface RawMailSender {
  /** One call, never repeated by itself. Every failure is an answer; it does not throw. */
  send(mail: RawMail): Promise<SendAnswer>;
}
