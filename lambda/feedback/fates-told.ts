import { BOUNCE_TYPES, type BounceType, type Fate } from '../../lib/message/fate.ts';
import type { ToldFate } from '../../lib/message/receipt.ts';
import { recipientFinder } from './event-recipients.ts';
import { readServerAnswer } from './server-answer.ts';
import type { EventDetail } from './ses-event-schema.ts';

/** The mail that an event is about. */
export interface SentMail {
  readonly sesMessageId: string;
  /** When SES took it. ISO 8601. */
  readonly sentAt: string;
  readonly destinations: readonly string[];
}

/**
 * What an event tells of the recipients. Each proves that SES took the mail, for all of them: a Delivery of one
 * may come, and the Send of all be late or lost.
 */
export function fatesToldBy(detail: EventDetail, mail: SentMail): ToldFate[] {
  const { sesMessageId, sentAt: at, destinations } = mail;
  return [...toAll(destinations, { kind: 'sent', at, sesMessageId }), ...ownFates(detail, mail)];
}

function ownFates(detail: EventDetail, { sesMessageId, sentAt, destinations }: SentMail): ToldFate[] {
  const find = recipientFinder(destinations);
  const told = (mention: string, fate: Fate): ToldFate[] => {
    const address = find(mention);
    return address === undefined ? [] : [{ address, fate }];
  };
  switch (detail.eventType) {
    case 'Send':
      return [];
    case 'Delivery': {
      const { timestamp: at, recipients, smtpResponse } = detail.delivery;
      const fate: Fate = { kind: 'delivered', at, sesMessageId, ...readServerAnswer(smtpResponse) };
      return recipients.flatMap((mention) => told(mention, fate));
    }
    case 'DeliveryDelay': {
      const { timestamp: at, delayedRecipients } = detail.deliveryDelay;
      return delayedRecipients.flatMap(({ emailAddress, diagnosticCode, status }) =>
        told(emailAddress, {
          kind: 'delivery_delayed',
          at,
          sesMessageId,
          ...readServerAnswer(diagnosticCode, status),
        }),
      );
    }
    case 'Bounce': {
      const { timestamp: at, bounceType, bounceSubType, bouncedRecipients } = detail.bounce;
      const bounce = { type: readBounceType(bounceType), subType: wordIn(bounceSubType) ?? 'Undetermined' };
      return bouncedRecipients.flatMap(({ emailAddress, diagnosticCode, status }) =>
        told(emailAddress, {
          kind: 'bounced',
          at,
          sesMessageId,
          bounce,
          ...readServerAnswer(diagnosticCode, status),
        }),
      );
    }
    case 'Complaint': {
      const fate = complaintFate(detail.complaint, sesMessageId);
      return detail.complaint.complainedRecipients.flatMap(({ emailAddress }) => told(emailAddress, fate));
    }
    case 'Reject':
      return toAll(destinations, { kind: 'failed', at: sentAt, sesMessageId, reason: 'rejected-by-ses' });
    case 'Rendering Failure':
      return toAll(destinations, { kind: 'failed', at: sentAt, sesMessageId, reason: 'rendering-failed' });
  }
}

const ON_SUPPRESSION_LIST = 'OnAccountSuppressionList';

/** With this sub-type the complaint is an old one: SES did not send the mail because of it, and nobody got it. */
function complaintFate(
  complaint: Extract<EventDetail, { eventType: 'Complaint' }>['complaint'],
  sesMessageId: string,
): Fate {
  const { timestamp: at, complaintFeedbackType, complaintSubType } = complaint;
  if (complaintSubType === ON_SUPPRESSION_LIST) {
    return { kind: 'bounced', at, sesMessageId, bounce: { type: 'Permanent', subType: ON_SUPPRESSION_LIST } };
  }
  const reason = wordIn(complaintFeedbackType);
  return { kind: 'complained', at, sesMessageId, ...(reason === undefined ? {} : { reason }) };
}

function toAll(destinations: readonly string[], fate: Fate): ToldFate[] {
  return destinations.map((address) => ({ address, fate }));
}

function readBounceType(text: string): BounceType {
  return BOUNCE_TYPES.find((type) => type === text) ?? 'Undetermined';
}

/** A receipt takes no other words. */
function wordIn(text: string | null | undefined): string | undefined {
  return /^[\x21-\x7e]{1,200}$/.exec(text ?? '')?.[0];
}
