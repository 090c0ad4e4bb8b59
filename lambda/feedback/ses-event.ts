import * as v from 'valibot';
import { parseJson } from '../../lib/common/json.ts';
import { addressKey, isWithinDomain } from '../../lib/domain/address.ts';
import { addressSchema, deliveryIdentitySchema } from '../../lib/domain/fallback-message.ts';
import { parseMailboxList } from '../../lib/domain/mime-headers.ts';
import { describeIssues } from '../../lib/domain/problems.ts';
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

/** An SES event about a send batch. */
export interface SesEvent extends SentMail, EventStatuses {
  readonly type: EventType;
  readonly deliveryId: string;
  readonly part: number;
  /** When SMTP failed; undefined if unknown. */
  readonly failedAt: Date | undefined;
}

export type ParsedSesEvent =
  | { readonly kind: 'event'; readonly event: SesEvent }
  | {
      readonly kind: 'ignored';
      readonly why: /** A type that the configuration set does not publish. */
        | 'not-subscribed'
        /** Mail of another sender that uses this configuration set. */
        | 'no-delivery-id'
        | 'other-domain'
        /** SES validates the topic when an event destination is created. */
        | 'topic-validated'
        /** The recipient marked the mail as not spam. */
        | 'not-spam';
    }
  | {
      readonly kind: 'unreadable';
      readonly reason: 'not-json' | 'unknown-type' | 'wrong-schema';
      readonly detail: string;
    };

/**
 * Parses an event as SES publishes it, with raw SNS delivery; also a feedback notification of an identity, whose
 * mail has tags only if SES adds them one day: without, its delivery is unknown. It never throws, and error details contain none
 * of the event's values.
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
  const published = named.output;
  const { eventType } = published;
  if (eventType === IDENTITY_SUBSCRIBED) return ignored('topic-validated');
  if (isOneOf(EVENT_TYPES_NOT_READ, eventType)) return ignored('not-subscribed');
  if (!isOneOf(EVENT_TYPES_READ, eventType)) {
    return unreadable('unknown-type', `eventType: none of ${EVENT_TYPES_READ.join(', ')}`);
  }

  // Check whose mail it is before its details: the mail of other senders is ignored, valid or not.
  const mail = v.safeParse(mailSchema, published);
  if (!mail.success) return unreadable('wrong-schema', describeIssues(mail.issues));
  const source = findSource(mail.output.mail, fromDomain);
  if (source.kind === 'ignored') return source;

  const detail = v.safeParse(eventDetailSchema, published);
  if (!detail.success) return unreadable('wrong-schema', describeIssues(detail.issues));
  return toEvent(source.deliveryId, mail.output.mail, detail.output);
}

const TOPIC_VALIDATED = 'Successfully validated SNS topic for Amazon SES event publishing.';

/** The type of the message by which SES validates a topic for the notifications of an identity. */
const IDENTITY_SUBSCRIBED = 'AmazonSnsSubscriptionSucceeded';

type Ignored = Extract<ParsedSesEvent, { kind: 'ignored' }>;

/** Our mail has a valid delivery id tag, and is sent from our domain. */
function findSource(
  { tags, source }: EventMail,
  fromDomain: string,
): { readonly kind: 'ours'; readonly deliveryId: string } | Ignored {
  const deliveryId = parseDeliveryIdTag(tags?.deliveryId?.[0] ?? '');
  if (!v.is(deliveryIdentitySchema.entries.id, deliveryId)) return ignored('no-delivery-id');
  if (!isWithinDomain(addressIn(source) ?? '', fromDomain)) return ignored('other-domain');
  return { kind: 'ours', deliveryId };
}

function toEvent(deliveryId: string, mail: EventMail, detail: EventDetail): ParsedSesEvent {
  if (isNotSpam(detail)) return ignored('not-spam');
  const part = parsePart(mail);
  if (part === undefined) return unreadable('wrong-schema', 'mail.tags.part: no number of a part');
  const destinations = mail.destination.map(addressIn).filter((address) => address !== undefined);
  if (destinations.length === 0) return unreadable('wrong-schema', 'mail.destination: no address');
  const sent = { sesMessageId: mail.messageId, sentAt: mail.timestamp, destinations };
  const read = readStatuses(detail, sent, recipientFinder(mail.destination));
  const failedAt = parseFailedAtTag(mail.tags?.failedAt?.[0] ?? '');
  return { kind: 'event', event: { ...sent, type: detail.eventType, deliveryId, part, failedAt, ...read } };
}

function isNotSpam(detail: EventDetail): boolean {
  return detail.eventType === 'Complaint' && detail.complaint.complaintFeedbackType === 'not-spam';
}

/** A delivery of 10,000 recipients has at most 10,000 batches. */
function parsePart({ tags }: EventMail): number | undefined {
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

/** The address in a mention: bare, after a name, or after the address type of a DSN (RFC 3464, 2.3.2). */
function addressIn(mention: string): string | undefined {
  const text = mention.replace(/^\s*rfc822\s*;/i, '').trim();
  if (v.is(addressSchema, text)) return text;
  const [address, ...others] = parseMailboxList(text) ?? [];
  return others.length === 0 && v.is(addressSchema, address) ? address : undefined;
}

/**
 * Matches the recipients that an event names only to those the mail was sent to: SES uses the Final-Recipient
 * of the DSN, and the sender of a DSN can put any address into it.
 *
 * The name may be another mailbox that the mail was forwarded to, or missing. If the mail has a single
 * recipient, the event is about that one, whatever the name.
 *
 * @param destination as in the SES event: an entry that cannot be parsed is a recipient too
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
