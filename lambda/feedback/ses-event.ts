import * as v from 'valibot';
import { parseJson } from '../../lib/common/json.ts';
import { addressKey, isWithinDomain } from '../../lib/domain/address.ts';
import { addressSchema, deliveryIdentitySchema, describeIssues } from '../../lib/domain/fallback-message.ts';
import { parseMailboxList } from '../../lib/domain/mime-headers.ts';
import { parseDeliveryIdTag, parseFailedAtTag } from '../../lib/domain/send-batch.ts';
import { type EventStatuses, readStatuses, type SentMail } from './event-statuses.ts';
import {
  EVENT_TYPES_NOT_READ,
  EVENT_TYPES_READ,
  type EventDetail,
  type EventMail,
  type EventType,
  eventDetailSchema,
  eventTypeSchema,
  mailSchema,
} from './ses-event-schema.ts';

/** What SES says of a part of a delivery. */
export interface SesEvent extends SentMail, EventStatuses {
  readonly type: EventType;
  readonly deliveryId: string;
  readonly part: number;
  /** When SMTP had failed; undefined where it is not known. */
  readonly failedAt: Date | undefined;
}

export type ParsedSesEvent =
  | { readonly kind: 'event'; readonly event: SesEvent }
  | {
      readonly kind: 'ignored';
      readonly why: /** A type that the configuration set does not publish. */
        | 'not-subscribed'
        /** Mail that somebody else sent with this configuration set. */
        | 'no-delivery-id'
        | 'other-domain'
        /** SES tries the topic when an event destination is made. */
        | 'topic-validated'
        /** The recipient said that the mail is no spam. */
        | 'not-spam';
    }
  | {
      readonly kind: 'unreadable';
      readonly reason: 'not-json' | 'unknown-type' | 'wrong-schema';
      readonly detail: string;
    };

/**
 * Reads an event as SES publishes it, raw from SNS. It never throws, and what it says of a bad one repeats none of
 * its values.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 *
 * @param fromDomain the domain of our mail
 */
export function parseSesEvent(text: string, fromDomain: string): ParsedSesEvent {
  if (text.trim() === TOPIC_VALIDATED) return ignored('topic-validated');
  const json = parseJson(text);
  if (json === undefined) return unreadable('not-json', 'the message body is no JSON');

  const named = v.safeParse(eventTypeSchema, json);
  if (!named.success) return unreadable('wrong-schema', describeIssues(named.issues));
  const { eventType } = named.output;
  if (isOneOf(EVENT_TYPES_NOT_READ, eventType)) return ignored('not-subscribed');
  if (!isOneOf(EVENT_TYPES_READ, eventType)) {
    return unreadable('unknown-type', `eventType: none of ${EVENT_TYPES_READ.join(', ')}`);
  }

  // Whose mail it is comes before what it says: the mail of others is no concern of ours, whatever it looks like.
  const mail = v.safeParse(mailSchema, json);
  if (!mail.success) return unreadable('wrong-schema', describeIssues(mail.issues));
  const source = sourceOf(mail.output.mail, fromDomain);
  if (source.kind === 'ignored') return source;

  const detail = v.safeParse(eventDetailSchema, json);
  if (!detail.success) return unreadable('wrong-schema', describeIssues(detail.issues));
  return eventOf(source.deliveryId, mail.output.mail, detail.output);
}

const TOPIC_VALIDATED = 'Successfully validated SNS topic for Amazon SES event publishing.';

type Ignored = Extract<ParsedSesEvent, { kind: 'ignored' }>;

/** Our mail carries a delivery id that we could have written, and is sent from our domain. */
function sourceOf(
  { tags, source }: EventMail,
  fromDomain: string,
): { readonly kind: 'ours'; readonly deliveryId: string } | Ignored {
  const deliveryId = parseDeliveryIdTag(tags?.deliveryId?.[0] ?? '');
  if (!v.is(deliveryIdentitySchema.entries.id, deliveryId)) return ignored('no-delivery-id');
  if (!isWithinDomain(addressIn(source) ?? '', fromDomain)) return ignored('other-domain');
  return { kind: 'ours', deliveryId };
}

function eventOf(deliveryId: string, mail: EventMail, detail: EventDetail): ParsedSesEvent {
  if (isNoComplaint(detail)) return ignored('not-spam');
  const part = partOf(mail);
  if (part === undefined) return unreadable('wrong-schema', 'mail.tags.part: no number of a part');
  const destinations = mail.destination.map(addressIn).filter((address) => address !== undefined);
  if (destinations.length === 0) return unreadable('wrong-schema', 'mail.destination: no address');
  const sent = { sesMessageId: mail.messageId, sentAt: mail.timestamp, destinations };
  const told = readStatuses(detail, sent, recipientFinder(mail.destination));
  const failedAt = parseFailedAtTag(mail.tags?.failedAt?.[0] ?? '');
  return { kind: 'event', event: { ...sent, type: detail.eventType, deliveryId, part, failedAt, ...told } };
}

function isNoComplaint(detail: EventDetail): boolean {
  return detail.eventType === 'Complaint' && detail.complaint.complaintFeedbackType === 'not-spam';
}

/** A delivery of 10,000 recipients has 10,000 parts at the most. */
function partOf({ tags }: EventMail): number | undefined {
  const tag = tags?.part?.[0] ?? '0';
  return /^(?:0|[1-9]\d{0,3})$/.test(tag) ? Number(tag) : undefined;
}

function isOneOf<T extends string>(words: readonly T[], word: string): word is T {
  return words.some((one) => one === word);
}

function ignored(why: Ignored['why']): Ignored {
  return { kind: 'ignored', why };
}

function unreadable(
  reason: Extract<ParsedSesEvent, { kind: 'unreadable' }>['reason'],
  detail: string,
): ParsedSesEvent {
  return { kind: 'unreadable', reason, detail };
}

/** The address in a mention: bare, after a name, or behind the type that a DSN gives it (RFC 3464, 2.3.2). */
function addressIn(mention: string): string | undefined {
  const text = mention.replace(/^\s*rfc822\s*;/i, '').trim();
  if (v.is(addressSchema, text)) return text;
  const [address, ...others] = parseMailboxList(text) ?? [];
  return others.length === 0 && v.is(addressSchema, address) ? address : undefined;
}

/**
 * Finds the recipients that an event names among those the mail was sent to, and nobody else: SES takes the
 * Final-Recipient of the DSN, and whoever writes a DSN may write any address into it.
 *
 * It may be another mailbox, that the mail was forwarded to. Where the mail went to one recipient alone, it is about
 * that one, whatever the name.
 *
 * @param destination as SES gives it: an entry that cannot be read is a recipient too
 */
function recipientFinder(destination: readonly string[]): (mention: string) => string | undefined {
  const addresses = destination.map(addressIn);
  const byKey = new Map(
    addresses.flatMap((address) => (address === undefined ? [] : [[addressKey(address), address]])),
  );
  const only = addresses.length === 1 ? addresses[0] : undefined;
  return (mention) => {
    const address = addressIn(mention);
    return (address === undefined ? undefined : byKey.get(addressKey(address))) ?? only;
  };
}
