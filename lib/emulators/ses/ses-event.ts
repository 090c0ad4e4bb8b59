import addressparser from 'nodemailer/lib/addressparser';
import { headerValue, headerValues, type MessageHeader, readMessageHeader } from './delivered-message.ts';
import type { SesMail } from './submission.ts';

/**
 * Event records that SES publishes by a configuration set, as sent to SNS:
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html Times are ISO 8601.
 * Opens, clicks and subscriptions are omitted, since the pipeline does not subscribe to them.
 */
export type SesEvent =
  | SendEvent
  | DeliveryEvent
  | DeliveryDelayEvent
  | BounceEvent
  | ComplaintEvent
  | RejectEvent
  | RenderingFailureEvent;

interface SendEvent {
  readonly eventType: 'Send';
  readonly mail: EventMail;
  readonly send: Readonly<Record<string, never>>;
}

interface DeliveryEvent {
  readonly eventType: 'Delivery';
  readonly mail: EventMail;
  readonly delivery: {
    readonly timestamp: string;
    readonly processingTimeMillis: number;
    readonly recipients: readonly string[];
    readonly smtpResponse: string;
    readonly reportingMTA: string;
  };
}

interface DeliveryDelayEvent {
  readonly eventType: 'DeliveryDelay';
  readonly mail: EventMail;
  readonly deliveryDelay: {
    readonly timestamp: string;
    readonly delayType: DelayType;
    /** When SES stops retrying. */
    readonly expirationTime: string;
    readonly delayedRecipients: readonly {
      readonly emailAddress: string;
      readonly status: string;
      readonly diagnosticCode: string;
    }[];
    readonly reportingMTA: string;
  };
}

export interface BounceEvent {
  readonly eventType: 'Bounce';
  readonly mail: EventMail;
  readonly bounce: BounceClass & {
    readonly bouncedRecipients: readonly BouncedRecipient[];
    readonly timestamp: string;
    readonly feedbackId: string;
    /** Like all fields of a delivery status notification (RFC 3464), only if there was one. */
    readonly reportingMTA?: string;
  };
}

export interface BouncedRecipient {
  readonly emailAddress: string;
  readonly action?: string;
  /** RFC 3463. */
  readonly status?: string;
  readonly diagnosticCode?: string;
}

interface ComplaintEvent {
  readonly eventType: 'Complaint';
  readonly mail: EventMail;
  readonly complaint: {
    readonly complainedRecipients: readonly { readonly emailAddress: string }[];
    readonly timestamp: string;
    readonly feedbackId: string;
    readonly complaintSubType: ComplaintSubType;
    readonly userAgent: string;
    readonly complaintFeedbackType: string;
    readonly arrivalDate: string;
  };
}

interface RejectEvent {
  readonly eventType: 'Reject';
  readonly mail: EventMail;
  readonly reject: { readonly reason: string };
}

interface RenderingFailureEvent {
  /** With a space: unlike all other types, and unlike in the settings of a configuration set. */
  readonly eventType: 'Rendering Failure';
  readonly mail: EventMail;
  readonly failure: { readonly templateName: string; readonly errorMessage: string };
}

/** The mail that an event is about. */
export interface EventMail {
  readonly timestamp: string;
  readonly source: string;
  readonly sourceArn: string;
  readonly sendingAccountId: string;
  readonly messageId: string;
  readonly destination: readonly string[];
  /** Documented as a string, but a boolean in all documented examples. */
  readonly headersTruncated: boolean;
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
  readonly commonHeaders?: CommonHeaders;
  /** Tags of the sender and of SES; each has a list of values. */
  readonly tags: Readonly<Record<string, readonly string[]>>;
}

interface CommonHeaders {
  readonly from?: readonly string[];
  readonly to?: readonly string[];
  readonly cc?: readonly string[];
  readonly replyTo?: readonly string[];
  readonly date?: string;
  readonly messageId: string;
  readonly subject?: string;
}

export type PermanentSubType = 'General' | 'NoEmail' | 'Suppressed' | 'OnAccountSuppressionList';

export type TransientSubType =
  | 'General'
  | 'MailboxFull'
  | 'MessageTooLarge'
  | 'ContentRejected'
  | 'AttachmentRejected';

/** The subtypes of each type. */
export type BounceClass =
  | { readonly bounceType: 'Permanent'; readonly bounceSubType: PermanentSubType }
  | { readonly bounceType: 'Transient'; readonly bounceSubType: TransientSubType }
  | { readonly bounceType: 'Undetermined'; readonly bounceSubType: 'Undetermined' };

export type ComplaintSubType = 'OnAccountSuppressionList' | null;

export type DelayType =
  | 'InternalFailure'
  | 'General'
  | 'MailboxFull'
  | 'SpamDetected'
  | 'RecipientServerError'
  | 'IPFailure'
  | 'TransientCommunicationFailure'
  | 'BYOIPHostNameLookupUnavailable'
  | 'Undetermined'
  | 'SendingDeferral';

/** Documented: headers beyond 10 KB are omitted. */
const MAX_HEADER_BYTES = 10 * 1024;

/** The account id that the local queues and topics also use. */
const ACCOUNT_ID = '000000000000';

/** An address reserved for documentation (RFC 5737). */
const SOURCE_IP = '192.0.2.10';

const OPERATION = { v1: 'SendRawEmail', v2: 'SendEmail' } as const;

export interface MailOrigin {
  readonly region: string;
  /** The verified identity that the sender belongs to. */
  readonly identity: string;
}

/**
 * The mail as described in an event. SES adds the tags of
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-fine-grained.html and the operation.
 */
export function eventMail(mail: SesMail, { region, identity }: MailOrigin): EventMail {
  const header = readMessageHeader(mail.raw);
  const headers = header.fields.map(({ name, value }) => ({ name, value }));
  const kept = limitBytes(headers, MAX_HEADER_BYTES);
  return {
    timestamp: mail.at.toISOString(),
    source: mail.source,
    sourceArn: `arn:aws:ses:${region}:${ACCOUNT_ID}:identity/${identity}`,
    sendingAccountId: ACCOUNT_ID,
    messageId: mail.sesMessageId,
    destination: mail.recipients,
    headersTruncated: kept.length < headers.length,
    headers: kept,
    commonHeaders: commonHeaders(header, mail),
    tags: {
      'ses:operation': [OPERATION[mail.api]],
      ...(mail.configurationSet !== undefined && { 'ses:configuration-set': [mail.configurationSet] }),
      'ses:source-ip': [SOURCE_IP],
      'ses:from-domain': [mail.source.slice(mail.source.lastIndexOf('@') + 1)],
      'ses:caller-identity': ['local'],
      ...Object.fromEntries(Object.entries(mail.tags).map(([name, value]) => [name, [value]])),
    },
  };
}

function limitBytes<Header extends { readonly name: string; readonly value: string }>(
  headers: readonly Header[],
  maxBytes: number,
): Header[] {
  let bytes = 0;
  const beyond = headers.findIndex(({ name, value }) => {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    return bytes > maxBytes;
  });
  return headers.slice(0, beyond < 0 ? headers.length : beyond);
}

/** The message id is the original one by the documentation's text, but SES's in its examples. */
function commonHeaders(header: MessageHeader, { sesMessageId }: SesMail): CommonHeaders {
  const from = mailboxes(header, 'From');
  const to = mailboxes(header, 'To');
  const cc = mailboxes(header, 'Cc');
  const replyTo = mailboxes(header, 'Reply-To');
  const date = headerValue(header, 'Date');
  const subject = headerValue(header, 'Subject');
  return {
    ...(from.length > 0 && { from }),
    ...(to.length > 0 && { to }),
    ...(cc.length > 0 && { cc }),
    ...(replyTo.length > 0 && { replyTo }),
    ...(date !== undefined && { date }),
    messageId: headerValue(header, 'Message-ID') ?? sesMessageId,
    ...(subject !== undefined && { subject }),
  };
}

function mailboxes(header: MessageHeader, name: string): string[] {
  return headerValues(header, name)
    .flatMap((value) => addressparser(value, { flatten: true }))
    .map(({ name: person, address }) => (person === '' ? address : `${person} <${address}>`));
}
