import { toDeliveryIdTag } from '../../lib/domain/send-batch.ts';

/** The mail that an event is about; a test overrides only what it is about. */
export interface EventSubject {
  readonly deliveryId?: string;
  readonly part?: number;
  readonly sesMessageId?: string;
  readonly to?: readonly string[];
  /** When SES accepted the mail. */
  readonly sentAt?: string;
  /** The raw value of the tag. @default none */
  readonly failedAt?: string;
}

type Recipient = Readonly<Record<string, unknown>> & { readonly emailAddress: string };

const AT = '2026-08-01T10:00:00.000Z';

/** An event as SES publishes it, before serialisation. */
export function anEvent(eventType: string, details: object = {}, subject: EventSubject = {}) {
  const { deliveryId = 'reply-1', part = 0, sesMessageId = 'ses-1', sentAt = AT } = subject;
  return {
    eventType,
    mail: {
      timestamp: sentAt,
      source: 'support@keybuzz.io',
      sourceArn: 'arn:aws:ses:eu-west-1:123456789012:identity/keybuzz.io',
      sendingAccountId: '123456789012',
      messageId: sesMessageId,
      destination: [...(subject.to ?? ['marie@example.org'])],
      headersTruncated: false,
      headers: [{ name: 'Subject', value: 'Your order' }],
      commonHeaders: { subject: 'Your order' },
      tags: {
        'ses:configuration-set': ['keybuzz-mail'],
        deliveryId: [toDeliveryIdTag(deliveryId)],
        part: [String(part)],
        ...(subject.failedAt === undefined ? {} : { failedAt: [subject.failedAt] }),
      },
    },
    ...details,
  };
}

export function aSend(subject?: EventSubject): string {
  return JSON.stringify(anEvent('Send', { send: {} }, subject));
}

export function aDelivery(recipient: string, at: string, subject?: EventSubject): string {
  const delivery = {
    timestamp: at,
    processingTimeMillis: 546,
    recipients: [recipient],
    smtpResponse: '250 2.6.0 Message received',
    reportingMTA: 'mta.example.com',
  };
  return JSON.stringify(anEvent('Delivery', { delivery }, subject));
}

export function aDelay(recipient: string, at: string, subject?: EventSubject): string {
  const deliveryDelay = {
    timestamp: at,
    delayType: 'MailboxFull',
    expirationTime: '2026-08-01T22:00:00.000Z',
    delayedRecipients: [
      { emailAddress: recipient, status: '4.2.2', diagnosticCode: 'smtp; 452 4.2.2 mailbox full' },
    ],
  };
  return JSON.stringify(anEvent('DeliveryDelay', { deliveryDelay }, subject));
}

interface BounceOf {
  readonly type?: string;
  readonly subType?: string;
  readonly recipients: readonly Recipient[];
}

export function aBounceOf({ type = 'Permanent', subType = 'General', recipients }: BounceOf, at: string) {
  return {
    bounceType: type,
    bounceSubType: subType,
    bouncedRecipients: recipients,
    timestamp: at,
    feedbackId: 'feedback-1',
    reportingMTA: 'dsn; mta.example.com',
  };
}

export function aBounce(
  recipient: string,
  at: string,
  subject?: EventSubject,
  type = 'Permanent',
  subType = 'General',
): string {
  const recipients = [
    {
      emailAddress: recipient,
      action: 'failed',
      status: '5.1.1',
      diagnosticCode: 'smtp; 550 5.1.1 user unknown',
    },
  ];
  return JSON.stringify(anEvent('Bounce', { bounce: aBounceOf({ type, subType, recipients }, at) }, subject));
}

/** An out-of-office reply: SES reports it as a bounce without the details of a DSN. */
export function anAutomaticReply(recipient: string, at: string, subject?: EventSubject): string {
  const recipients = [{ emailAddress: recipient }];
  return JSON.stringify(
    anEvent('Bounce', { bounce: aBounceOf({ type: 'Transient', recipients }, at) }, subject),
  );
}

export function aComplaint(
  recipient: string,
  at: string,
  subject?: EventSubject,
  changes: object = {},
): string {
  const complaint = {
    complainedRecipients: [{ emailAddress: recipient }],
    timestamp: at,
    feedbackId: 'feedback-2',
    complaintSubType: null,
    complaintFeedbackType: 'abuse',
    arrivalDate: at,
    ...changes,
  };
  return JSON.stringify(anEvent('Complaint', { complaint }, subject));
}
