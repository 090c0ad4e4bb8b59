import { BOUNCE_TYPES, type BounceType, type DeliveryStatus } from '../../lib/domain/delivery-status.ts';
import { enhancedStatusOf, MAX_RESPONSE_CHARACTERS } from '../../lib/domain/failure.ts';
import type { ReportedStatus } from '../../lib/domain/receipt.ts';
import type { EventDetail } from './ses-event-schema.ts';

/** The mail that an event is about. */
export interface SentMail {
  readonly sesMessageId: string;
  /** When SES accepted it. ISO 8601. */
  readonly sentAt: string;
  readonly destinations: readonly string[];
}

export interface EventStatuses {
  /** A recipient may have several. */
  readonly statuses: readonly ReportedStatus[];
  /** Number of named addresses that the mail was not sent to; an event that names none of several has one. */
  readonly strangers: number;
  /** Number of recipients with an automatic reply, such as out of office. */
  readonly automaticReplies: number;
}

/**
 * Reads the recipients' statuses from an event. Each event proves that SES accepted the mail for all
 * recipients: the Delivery of one may arrive while the Send of all is late or lost.
 *
 * @param find returns the recipient with that name, or undefined if it is none
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
      return mentionAll(recipients, {
        kind: 'delivered',
        at,
        sesMessageId,
        ...readServerResponse(smtpResponse),
      });
    }
    case 'DeliveryDelay': {
      const { timestamp: at, delayedRecipients } = detail.deliveryDelay;
      return orUnnamed(delayedRecipients, NOBODY).map(({ emailAddress: name, diagnosticCode, status }) => {
        const response = readServerResponse(diagnosticCode, status);
        return { name, status: { kind: 'delivery_delayed', at, sesMessageId, ...response } };
      });
    }
    case 'Bounce':
      return bounceMentions(detail.bounce, sesMessageId);
    case 'Complaint': {
      const { complainedRecipients } = detail.complaint;
      const names = complainedRecipients.map(({ emailAddress }) => emailAddress);
      return mentionAll(names, complaintStatus(detail.complaint, sesMessageId));
    }
    case 'Reject':
      return mentionAll(destinations, {
        kind: 'failed',
        at: sentAt,
        sesMessageId,
        reason: 'rejected-by-ses',
      });
    case 'Rendering Failure':
      return mentionAll(destinations, {
        kind: 'failed',
        at: sentAt,
        sesMessageId,
        reason: 'rendering-failed',
      });
  }
}

type BounceDetail = Extract<EventDetail, { eventType: 'Bounce' }>['bounce'];

function bounceMentions(detail: BounceDetail, sesMessageId: string): Mention[] {
  const { timestamp: at, bouncedRecipients } = detail;
  const bounce = {
    type: readBounceType(detail.bounceType),
    subType: parseWord(detail.bounceSubType) ?? 'Undetermined',
  };
  return orUnnamed(bouncedRecipients, NOBODY).map(({ emailAddress: name, diagnosticCode, status }) => {
    const isNotification = !isBlank(status) || !isBlank(diagnosticCode);
    if (!isNotification && mayBeAutomaticReply(bounce)) return { name, status: 'automatic-reply' };
    const response = readServerResponse(diagnosticCode, status);
    return { name, status: { kind: 'bounced', at, sesMessageId, bounce, ...response } };
  });
}

/**
 * SES reports this type of bounce also for an out-of-office reply. A real bounce contains a delivery status
 * notification, with a status for each recipient.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 */
function mayBeAutomaticReply({ type, subType }: NonNullable<DeliveryStatus['bounce']>): boolean {
  return type === 'Transient' && subType === 'General';
}

type ComplaintDetail = Extract<EventDetail, { eventType: 'Complaint' }>['complaint'];

const ON_SUPPRESSION_LIST = 'OnAccountSuppressionList';

/** With this sub-type the complaint is an old one: because of it SES did not send this mail. */
function complaintStatus(complaint: ComplaintDetail, sesMessageId: string): DeliveryStatus {
  const { timestamp: at, complaintFeedbackType, complaintSubType } = complaint;
  if (complaintSubType === ON_SUPPRESSION_LIST) {
    return { kind: 'bounced', at, sesMessageId, bounce: { type: 'Permanent', subType: ON_SUPPRESSION_LIST } };
  }
  const reason = parseWord(complaintFeedbackType);
  return { kind: 'complained', at, sesMessageId, ...(reason === undefined ? {} : { reason }) };
}

/** Without a name, an event can only be about the recipient of a mail that has no other. */
const NOBODY = { emailAddress: '', status: undefined, diagnosticCode: undefined };

function orUnnamed<T>(named: readonly T[], unnamed: T): readonly T[] {
  return named.length === 0 ? [unnamed] : named;
}

function mentionAll(names: readonly string[], status: DeliveryStatus): Mention[] {
  return orUnnamed(names, NOBODY.emailAddress).map((name) => ({ name, status: status }));
}

function readBounceType(text: string): BounceType {
  return BOUNCE_TYPES.find((type) => type === text) ?? 'Undetermined';
}

/** A receipt allows no other values. */
function parseWord(text: string | null | undefined): string | undefined {
  return /^[\x21-\x7e]{1,200}$/.exec(text ?? '')?.[0];
}

function isBlank(text: string | null | undefined): boolean {
  return (text ?? '').trim() === '';
}

/** Response of a recipient's server; absent fields are not in the response. */
interface ServerResponse {
  readonly smtpResponse?: string;
  readonly enhancedStatus?: string;
}

/**
 * Reads the response of a recipient's server as reported by SES.
 *
 * @param text the response, with or without the `smtp;` of a Diagnostic-Code (RFC 3464, 2.3.6)
 * @param status the Status of RFC 3464, 2.3.4, if SES reports one; some servers append text to it
 */
function readServerResponse(
  text: string | null | undefined,
  status?: string | null | undefined,
): ServerResponse {
  const smtpResponse = cleanText((text ?? '').replace(/^\s*smtp\s*;/i, ''));
  const enhancedStatus = STATUS.exec(status ?? '')?.[1] ?? enhancedStatusOf(smtpResponse);
  return {
    ...(smtpResponse === '' ? {} : { smtpResponse }),
    ...(enhancedStatus === undefined ? {} : { enhancedStatus }),
  };
}

const STATUS = /^\s*([245]\.\d{1,3}\.\d{1,3})(?![\d.])/;

/** Puts text on one line and truncates it. DynamoDB cannot store a surrogate pair that is cut in half. */
function cleanText(text: string): string {
  return text
    .slice(0, 2 * MAX_RESPONSE_CHARACTERS)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_RESPONSE_CHARACTERS)
    .toWellFormed();
}
