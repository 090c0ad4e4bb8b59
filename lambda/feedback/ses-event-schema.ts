import * as v from 'valibot';
import { SES_MAX_RECIPIENTS } from '../../lib/domain/limits.ts';
import { DELIVERY_TAGS } from '../../lib/domain/send-batch.ts';

/**
 * The fields of SES events that are read; all others are ignored.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 */

/** The configuration set publishes none of these. */
export const EVENT_TYPES_NOT_READ = ['Open', 'Click', 'Subscription'] as const;

/** The year range rejects hostile times that only JavaScript can represent. */
const time = v.pipe(
  v.string(),
  v.isoTimestamp('an ISO 8601 time with its offset'),
  v.transform((text) => new Date(text)),
  v.date(),
  v.minValue(new Date('2000-01-01'), 'a time of this century'),
  v.maxValue(new Date('2100-01-01'), 'a time of this century'),
  v.transform((date) => date.toISOString()),
);

const word = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,200}$/, 'up to 200 printable ASCII characters'));

/** SES omits unknown values, or sets them to null. */
const text = v.nullish(v.string());

const tag = v.optional(v.pipe(v.array(v.string()), v.minLength(1, 'at least one value')));

/** An address in any form; it is parsed later. */
const mention = v.string();

/** The list may be empty: then the event names no recipient. */
const recipients = <T extends v.GenericSchema>(recipient: T) =>
  v.pipe(
    v.array(recipient),
    v.maxLength(SES_MAX_RECIPIENTS, `at most ${SES_MAX_RECIPIENTS} recipients, as SES takes in one call`),
  );

const recipient = v.object({ emailAddress: mention });

const recipientWithStatus = v.object({ ...recipient.entries, status: text, diagnosticCode: text });

/**
 * An event with its type in `eventType`. The older form, the feedback notifications of an identity, names the
 * same types in `notificationType`.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
 */
export const eventTypeSchema = v.pipe(
  v.union(
    [v.looseObject({ eventType: v.string() }), v.looseObject({ notificationType: v.string() })],
    'an object with an eventType',
  ),
  v.transform((event) => ({ ...event, eventType: String(event.eventType ?? event.notificationType) })),
);

/** The same for each type of event. */
export const mailSchema = v.object({
  mail: v.object({
    timestamp: time,
    messageId: word,
    source: mention,
    // Whose mail it is cannot come from elsewhere: anybody can write an address into a bounce.
    destination: v.pipe(recipients(mention), v.minLength(1, 'at least one recipient')),
    tags: v.nullish(
      v.object({
        [DELIVERY_TAGS.deliveryId]: tag,
        [DELIVERY_TAGS.part]: tag,
        // Used only for a metric: an invalid value must not reject the event.
        [DELIVERY_TAGS.failedAt]: v.fallback(tag, undefined),
      }),
    ),
  }),
});

export type EventMail = v.InferOutput<typeof mailSchema>['mail'];

export const eventDetailSchema = v.variant('eventType', [
  v.object({ eventType: v.literal('Send') }),
  v.object({
    eventType: v.literal('Delivery'),
    delivery: v.object({ timestamp: time, recipients: recipients(mention), smtpResponse: text }),
  }),
  v.object({
    eventType: v.literal('DeliveryDelay'),
    deliveryDelay: v.object({ timestamp: time, delayedRecipients: recipients(recipientWithStatus) }),
  }),
  v.object({
    eventType: v.literal('Bounce'),
    bounce: v.object({
      timestamp: time,
      bounceType: v.string(),
      bounceSubType: text,
      bouncedRecipients: recipients(recipientWithStatus),
    }),
  }),
  v.object({
    eventType: v.literal('Complaint'),
    complaint: v.object({
      timestamp: time,
      complainedRecipients: recipients(recipient),
      complaintFeedbackType: text,
      complaintSubType: text,
    }),
  }),
  v.object({ eventType: v.literal('Reject') }),
  v.object({ eventType: v.literal('Rendering Failure') }),
]);

export type EventDetail = v.InferOutput<typeof eventDetailSchema>;

export type EventType = EventDetail['eventType'];

export const EVENT_TYPES_READ: readonly EventType[] = eventDetailSchema.options.map(
  ({ entries }) => entries.eventType.literal,
);
