import { randomUUID } from 'node:crypto';

/** The two protocols that SES speaks: v1 is the query protocol of 2010, v2 is REST with JSON. */
export type SesApi = 'v1' | 'v2';

/** Message tags by name. */
export type MessageTags = Readonly<Record<string, string>>;

/** What a client asked SES to send, read from either protocol and not yet checked. */
export interface Submission {
  /** v1 `Source`, v2 `FromEmailAddress`; the headers of the message name the sender when absent. */
  readonly source?: string;
  /** v1 `Destinations`, v2 all lists of `Destination`; the headers name the recipients when absent. */
  readonly destinations?: readonly string[];
  /** The message exactly as received. */
  readonly raw: Buffer;
  readonly tags: MessageTags;
  readonly configurationSet?: string;
}

/** A mail that SES has taken. */
export interface SesMail {
  readonly api: SesApi;
  /** The id that the client was, or would have been, answered. */
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
  /** The message as recipients get it: `Message-ID` and `Date` are SES's own. */
  readonly delivered: Buffer;
}

/** Why SES does not do what a call asks. Each protocol has its own code and status for each reason. */
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

/** A call refused, with the text that SES gives. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
}

/** A refusal for a parameter, or a header of the message, that SES does not take. */
export function invalidParameter(message: string): Refusal {
  return { reason: 'invalid-parameter', message };
}

/**
 * An id of the form that SES gives out in eu-west-1: `0102`, the time in milliseconds as 12 hexadecimal digits,
 * a UUID and a zero counter. Other regions begin with other digits; nobody may depend on them.
 */
export function newSesMessageId(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `0102${time}-${randomUUID()}-000000`;
}
