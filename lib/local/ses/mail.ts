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
