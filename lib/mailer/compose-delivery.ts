import { types } from 'node:util';
import * as v from 'valibot';
import type { ComposedMessage, MimeResult } from '../adapters/mime/compose-message.ts';
import type { Delivery } from '../domain/delivery.ts';
import { addressSchema, deliveryIdentitySchema, describeIssues } from '../domain/fallback-message.ts';
import { MAX_ADDRESSES_BYTES, MAX_CONTENT_BYTES, MAX_RECIPIENTS } from '../domain/limits.ts';
import type { RefusalReason, Refused } from '../domain/outcome.ts';

/** What the pipeline wants to know of a mail besides the mail itself. */
export interface DeliveryRequest {
  /** The idempotency key: the same id is the same mail, however often it is asked for. */
  readonly id: string;
  /** Whose mail it is; one tenant's flood does not hold up the others in the queue. */
  readonly tenantId?: string | undefined;
  /** Past this time the mail is of no use. */
  readonly expiresAt: Date;
  /** Message tags of SES, told again in each of its events. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

export type ComposeResult = { readonly kind: 'delivery'; readonly delivery: Delivery } | Refused;

/** Makes a delivery of a composed message, or says why it can never be one. */
export function composeDelivery(composed: MimeResult, request: DeliveryRequest, now: Date): ComposeResult {
  const refuse = (reason: RefusalReason, detail: string): Refused => ({
    kind: 'refused',
    id: String(request.id),
    reason,
    detail,
  });
  if (composed.kind === 'too-large') {
    return refuse(
      'too-large',
      `the message has ${composed.bytes} bytes, at most ${MAX_CONTENT_BYTES} can be sent`,
    );
  }
  if (composed.kind === 'malformed') return refuse('invalid', composed.detail);
  const delivery = deliveryOf(composed.message, request, now);
  return validateDelivery(delivery, now) ?? { kind: 'delivery', delivery };
}

function deliveryOf(message: ComposedMessage, request: DeliveryRequest, now: Date): Delivery {
  const { id, tenantId, expiresAt, tags } = request;
  return {
    id,
    expiresAt,
    createdAt: now,
    ...message,
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(tags === undefined ? {} : { tags }),
  };
}

/** Later than this a time has no ISO 8601 form of four digits. */
const LAST_YEAR = 9999;

/** Dates may come out of another realm or out of JSON, whatever their type says. */
const sendableTime = v.custom<Date>(
  (time) => types.isDate(time) && time.getUTCFullYear() <= LAST_YEAR,
  `a Date, at the latest of the year ${LAST_YEAR}`,
);

const bytes = v.custom<Uint8Array>((mime) => types.isUint8Array(mime), 'a Buffer');

const deliverySchema = v.object({
  ...deliveryIdentitySchema.entries,
  from: addressSchema,
  to: v.array(addressSchema),
  mime: bytes,
  createdAt: sendableTime,
  expiresAt: sendableTime,
});

/** What the resend Lambda would refuse is refused here, where the caller can still fix it. */
export function validateDelivery(delivery: Delivery, now: Date): Refused | undefined {
  const refuse = (reason: RefusalReason, detail: string): Refused => ({
    kind: 'refused',
    id: String(delivery.id),
    reason,
    detail,
  });
  if (Array.isArray(delivery.to) && delivery.to.length === 0) {
    return refuse('no-recipient', 'the mail names no recipient');
  }
  const wrong = brokenRules(delivery);
  if (wrong !== undefined) return refuse('invalid', wrong);
  if (delivery.expiresAt <= now) {
    return refuse('expired', `it expired at ${delivery.expiresAt.toISOString()}`);
  }
  return undefined;
}

function brokenRules(delivery: Delivery): string | undefined {
  const { to } = delivery;
  if (!Array.isArray(to)) return 'to: expected a list of addresses';
  if (to.length > MAX_RECIPIENTS) return `to: at most ${MAX_RECIPIENTS} recipients`;
  const addressesBytes = Buffer.byteLength(JSON.stringify(to));
  if (addressesBytes > MAX_ADDRESSES_BYTES) {
    return `to: the addresses take ${addressesBytes} bytes, at most ${MAX_ADDRESSES_BYTES} fit into a queue message`;
  }
  const result = v.safeParse(deliverySchema, delivery, { abortPipeEarly: true });
  return result.success ? undefined : describeIssues(result.issues);
}
