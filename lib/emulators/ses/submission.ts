import { randomUUID } from 'node:crypto';

/** The two protocols of SES: v1 is the query protocol of 2010, v2 is REST with JSON. */
export type SesApi = 'v1' | 'v2';

/** Message tags by name. */
export type MessageTags = Readonly<Record<string, string>>;

/** A send request of a client, parsed from either protocol and not yet checked. */
export interface Submission {
  /** v1 `Source`, v2 `FromEmailAddress`; if absent, taken from the message headers. */
  readonly source?: string;
  /** v1 `Destinations`, v2 all lists of `Destination`; if absent, taken from the message headers. */
  readonly destinations?: readonly string[];
  /** The message exactly as received. */
  readonly raw: Buffer;
  readonly tags: MessageTags;
  readonly configurationSet?: string;
}

/** A mail that SES has accepted. */
export interface SesMail {
  readonly api: SesApi;
  /** The id in the response, even if the response was lost. */
  readonly sesMessageId: string;
  readonly at: Date;
  /** The envelope sender, a bare address. */
  readonly source: string;
  /** The envelope recipients, bare addresses. */
  readonly recipients: readonly string[];
  readonly tags: MessageTags;
  readonly configurationSet?: string;
  /** The message exactly as received. */
  readonly raw: Buffer;
  /** The message as recipients receive it, with SES's `Message-ID` and `Date`. */
  readonly delivered: Buffer;
}

/** Why SES refuses a call. Each protocol has its own code and status for each reason. */
export type RefusalReason =
  | 'invalid-parameter'
  | 'missing-parameter'
  | 'malformed-request'
  | 'message-rejected'
  | 'throttled'
  | 'unknown-configuration-set'
  | 'configuration-set-paused'
  | 'account-paused'
  | 'unknown-operation'
  | 'unauthenticated'
  | 'wrong-credential-scope'
  | 'request-too-large'
  | 'internal-failure'
  | 'unavailable';

/** A refused call, with SES's error text. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
}

/** A refusal because of an invalid parameter or message header. */
export function invalidParameter(message: string): Refusal {
  return { reason: 'invalid-parameter', message };
}

/**
 * An id in SES's format for eu-west-1: `0102`, the time in milliseconds as 12 hexadecimal digits, a UUID and
 * a zero counter. Other regions use other first digits; code must not depend on them.
 */
export function newSesMessageId(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `0102${time}-${randomUUID()}-000000`;
}
