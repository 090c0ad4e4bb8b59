import { BOUNCE_TYPES, type BounceType, type DeliveryStatus } from '../../lib/domain/delivery-status.ts';
import { enhancedStatusOf, MAX_RESPONSE_CHARACTERS } from '../../lib/domain/failure.ts';
import type { ReportedStatus } from '../../lib/domain/receipt.ts';
import type { EventDetail } from './ses-event-schema.ts';

/** The mail that an event is about. */
export interface SentMail {
  readonly sesMessageId: string;
  /** When SES took it. ISO 8601. */
  readonly sentAt: string;
  readonly destinations: readonly string[];
}

/** What an event tells. */
export interface EventStatuses {
  /** Of a recipient there may be several. */
  readonly statuses: readonly ReportedStatus[];
  /** How many are named that the mail was not sent to. */
  readonly strangers: number;
  /** For how many recipients a machine answered: out of office, and the like. */
  readonly automaticReplies: number;
}

/**
 * What an event tells of the recipients. Each proves that SES took the mail, for all of them: a Delivery of one
 * may come, and the Send of all be late or lost.
 *
 * @param find the recipient that is named, where it is one
 */
export function readStatuses(
  detail: EventDetail,
  mail: SentMail,
  find: (name: string) => string | undefined,
): EventStatuses {
  const { sesMessageId, sentAt: at } = mail;
  const statuses: ReportedStatus[] = mail.destinations.map((address) => ({
    address,
    status: { kind: 'sent', at, sesMessageId },
  }));
  let strangers = 0;
  let automaticReplies = 0;
  for (const { name, status } of mentionsIn(detail, mail)) {
    const address = find(name);
    if (status === 'automatic-reply') automaticReplies += 1;
    else if (address === undefined) strangers += 1;
    else statuses.push({ address, status: status });
  }
  return { statuses: statuses, strangers, automaticReplies };
}

interface Mention {
  readonly name: string;
  readonly status: DeliveryStatus | 'automatic-reply';
}

function mentionsIn(detail: EventDetail, { sesMessageId, sentAt, destinations }: SentMail): Mention[] {
  switch (detail.eventType) {
    case 'Send':
      return [];
    case 'Delivery': {
      const { timestamp: at, recipients, smtpResponse } = detail.delivery;
      return ofAll(recipients, { kind: 'delivered', at, sesMessageId, ...readServerAnswer(smtpResponse) });
    }
    case 'DeliveryDelay': {
      const { timestamp: at, delayedRecipients } = detail.deliveryDelay;
      return delayedRecipients.map(({ emailAddress: name, diagnosticCode, status }) => {
        const answer = readServerAnswer(diagnosticCode, status);
        return { name, status: { kind: 'delivery_delayed', at, sesMessageId, ...answer } };
      });
    }
    case 'Bounce':
      return bounceMentions(detail.bounce, sesMessageId);
    case 'Complaint': {
      const { complainedRecipients } = detail.complaint;
      const names = complainedRecipients.map(({ emailAddress }) => emailAddress);
      return ofAll(names, complaintStatus(detail.complaint, sesMessageId));
    }
    case 'Reject':
      return ofAll(destinations, { kind: 'failed', at: sentAt, sesMessageId, reason: 'rejected-by-ses' });
    case 'Rendering Failure':
      return ofAll(destinations, { kind: 'failed', at: sentAt, sesMessageId, reason: 'rendering-failed' });
  }
}

type BounceDetail = Extract<EventDetail, { eventType: 'Bounce' }>['bounce'];

function bounceMentions(detail: BounceDetail, sesMessageId: string): Mention[] {
  const { timestamp: at, bouncedRecipients } = detail;
  const bounce = {
    type: readBounceType(detail.bounceType),
    subType: wordIn(detail.bounceSubType) ?? 'Undetermined',
  };
  return bouncedRecipients.map(({ emailAddress: name, diagnosticCode, status }) => {
    const isNotification = !isBlank(status) || !isBlank(diagnosticCode);
    if (!isNotification && isOfAutomaticReplies(bounce)) return { name, status: 'automatic-reply' };
    const answer = readServerAnswer(diagnosticCode, status);
    return { name, status: { kind: 'bounced', at, sesMessageId, bounce, ...answer } };
  });
}

/**
 * SES takes a mail that comes back for a bounce of this sort also where it only says that somebody is out of office.
 * A true one has a delivery status notification in it, with a status for each recipient.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 */
function isOfAutomaticReplies({ type, subType }: NonNullable<DeliveryStatus['bounce']>): boolean {
  return type === 'Transient' && subType === 'General';
}

type ComplaintDetail = Extract<EventDetail, { eventType: 'Complaint' }>['complaint'];

const ON_SUPPRESSION_LIST = 'OnAccountSuppressionList';

/** With this sub-type the complaint is an old one: SES did not send the mail because of it, and nobody got it. */
function complaintStatus(complaint: ComplaintDetail, sesMessageId: string): DeliveryStatus {
  const { timestamp: at, complaintFeedbackType, complaintSubType } = complaint;
  if (complaintSubType === ON_SUPPRESSION_LIST) {
    return { kind: 'bounced', at, sesMessageId, bounce: { type: 'Permanent', subType: ON_SUPPRESSION_LIST } };
  }
  const reason = wordIn(complaintFeedbackType);
  return { kind: 'complained', at, sesMessageId, ...(reason === undefined ? {} : { reason }) };
}

function ofAll(names: readonly string[], status: DeliveryStatus): Mention[] {
  return names.map((name) => ({ name, status: status }));
}

function readBounceType(text: string): BounceType {
  return BOUNCE_TYPES.find((type) => type === text) ?? 'Undetermined';
}

/** A receipt takes no other words. */
function wordIn(text: string | null | undefined): string | undefined {
  return /^[\x21-\x7e]{1,200}$/.exec(text ?? '')?.[0];
}

function isBlank(text: string | null | undefined): boolean {
  return (text ?? '').trim() === '';
}

/** What a recipient's server said; absent is what it did not say. */
interface ServerAnswer {
  readonly smtpResponse?: string;
  readonly enhancedStatus?: string;
}

/**
 * Reads the answer of a recipient's server as SES tells it.
 *
 * @param text the words, with or without the `smtp;` of a Diagnostic-Code (RFC 3464, 2.3.6)
 * @param status the Status of RFC 3464, 2.3.4, where SES tells one; some servers write words behind it
 */
function readServerAnswer(text: string | null | undefined, status?: string | null | undefined): ServerAnswer {
  const smtpResponse = cleaned((text ?? '').replace(/^\s*smtp\s*;/i, ''));
  const enhancedStatus = STATUS.exec(status ?? '')?.[1] ?? enhancedStatusOf(smtpResponse);
  return {
    ...(smtpResponse === '' ? {} : { smtpResponse }),
    ...(enhancedStatus === undefined ? {} : { enhancedStatus }),
  };
}

const STATUS = /^\s*([245]\.\d{1,3}\.\d{1,3})(?![\d.])/;

/** On one line, of bounded length. A character that is cut in half is no text that DynamoDB could keep. */
function cleaned(text: string): string {
  return text
    .slice(0, 2 * MAX_RESPONSE_CHARACTERS)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_RESPONSE_CHARACTERS)
    .toWellFormed();
}
