/**
 * The records that SES publishes by a configuration set, as they stand in the text that SNS is given:
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 * Times are ISO 8601. Opens, clicks and subscriptions are left out: nobody here subscribes to them.
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
    /** When SES will give up. */
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
    /** As all that a delivery status notification (RFC 3464) tells, only where there was one. */
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
  /** With a blank: alone of all types, and other than in the settings of a configuration set. */
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
  /** Documented as a string, and a boolean in all of the documentation's records. */
  readonly headersTruncated: boolean;
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
  readonly commonHeaders?: CommonHeaders;
  /** The sender's and SES's own; each has a list of values. */
  readonly tags: Readonly<Record<string, readonly string[]>>;
}

export interface CommonHeaders {
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

/** Which subtypes go with which type. */
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
