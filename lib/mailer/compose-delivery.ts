import { types } from 'node:util';
import * as v from 'valibot';
import type { ComposedMessage, MimeResult } from '../adapters/mime/compose-message.ts';
import { findAddressProblem } from '../domain/address.ts';
import type { Delivery, RefusedAddress } from '../domain/delivery.ts';
import { type DsnRequest, dsnSchema } from '../domain/dsn.ts';
import { addressSchema, deliveryIdentitySchema, PRIORITIES } from '../domain/fallback-message.ts';
import { MAX_ADDRESSES_BYTES, MAX_CONTENT_BYTES, MAX_RECIPIENTS } from '../domain/limits.ts';
import type { RefusalReason, Refused } from '../domain/outcome.ts';
import { describeIssues, problemsIn } from '../domain/problems.ts';

/** What the pipeline needs besides the mail itself. */
export interface DeliveryRequest {
  /** The idempotency key: the same id is the same mail, however often it is requested. */
  readonly id: string;
  /** The owner of the mail; a flood from one tenant does not delay the others in the queue. */
  readonly tenantId?: string | undefined;
  /** After this time the mail is useless. */
  readonly expiresAt: Date;
  /** SES message tags, included in each SES event. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Whether the fallback sends it ahead of normal mail. */
  readonly urgent?: boolean | undefined;
  /** Recipients of the mail that are no addresses. */
  readonly refused?: readonly RefusedAddress[];
  /** The option `dsn` of nodemailer, in any of its forms. */
  readonly dsn?: unknown;
}

export type ComposeResult = { readonly kind: 'delivery'; readonly delivery: Delivery } | Refused;

/** Creates a delivery from a composed message, or returns why it can never be one. */
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
  const options = request.dsn === undefined ? undefined : v.safeParse(optionsSchema, { dsn: request.dsn });
  if (options?.success === false) return refuse('invalid', describeIssues(options.issues));
  return validateDelivery(deliveryOf(composed.message, request, options?.output.dsn ?? undefined, now), now);
}

/** Under their names, so that a problem names the option. */
const optionsSchema = v.object({ dsn: v.nullish(dsnSchema) });

function deliveryOf(
  message: ComposedMessage,
  request: DeliveryRequest,
  dsn: DsnRequest | undefined,
  now: Date,
): Delivery {
  const { id, tenantId, expiresAt, tags, urgent = false, refused = [] } = request;
  return {
    id,
    expiresAt,
    createdAt: now,
    ...message,
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(tags === undefined ? {} : { tags }),
    ...(urgent ? { priority: 'urgent' } : {}),
    ...(refused.length === 0 ? {} : { refused }),
    ...(dsn === undefined ? {} : { dsn }),
  };
}

/** Later years have no four-digit ISO 8601 form. */
const LAST_YEAR = 9999;

/** Despite the type, dates may come from another realm or from JSON. */
const sendableTime = v.custom<Date>(isSendableTime, `a Date, at the latest of the year ${LAST_YEAR}`);

function isSendableTime(time: unknown): boolean {
  return types.isDate(time) && time.getUTCFullYear() <= LAST_YEAR;
}

const bytes = v.custom<Uint8Array>((mime) => types.isUint8Array(mime), 'a Buffer');

/** An address that either route sends to: SMTP alone would take others, until the day it fails. */
const sendableAddress = v.pipe(
  addressSchema,
  v.check(
    (address) => findAddressProblem(address) === undefined,
    ({ input }) => findAddressProblem(input) ?? '',
  ),
);

const deliverySchema = v.object({
  ...deliveryIdentitySchema.entries,
  from: sendableAddress,
  to: v.array(sendableAddress),
  mime: bytes,
  createdAt: sendableTime,
  expiresAt: sendableTime,
  priority: v.optional(v.picklist(PRIORITIES, `one of ${PRIORITIES.join(', ')}`)),
  dsn: v.optional(dsnSchema),
});

/** All fields that have a rule, but for those that may change between two calls, and the message itself. */
const FIXED_FIELDS = (Object.keys(deliverySchema.entries) as (keyof typeof deliverySchema.entries)[]).filter(
  (field) => !['to', 'expiresAt', 'mime'].includes(field),
);

/**
 * What was found valid, by its message: a mail is composed by one call and sent by another, and each validates it, the
 * second one what the first has returned.
 */
const VALID = new WeakMap<Uint8Array, Delivery>();

/**
 * Refuses here what the resend Lambda would refuse, while the caller can still fix it. Of several recipients, only
 * those that can never be sent to: the delivery goes to the others, and names these.
 */
export function validateDelivery(given: Delivery, now: Date): ComposeResult {
  const isValid = isNarrowed(given, VALID.get(given.mime));
  const delivery = isValid ? given : withoutUnsendable(given);
  const refuse = (reason: RefusalReason, detail: string): Refused => ({
    kind: 'refused',
    id: String(delivery.id),
    reason,
    detail,
  });
  if (Array.isArray(delivery.to) && delivery.to.length === 0) {
    return refuse('no-recipient', 'the mail names no recipient');
  }
  if (!isValid) {
    const wrong = brokenRules(delivery);
    if (wrong !== undefined) return refuse('invalid', wrong);
    // A copy: the caller may change in place what it was given.
    VALID.set(delivery.mime, { ...delivery, to: [...delivery.to] });
  }
  if (delivery.expiresAt <= now) {
    return refuse('expired', `it expired at ${delivery.expiresAt.toISOString()}`);
  }
  return { kind: 'delivery', delivery };
}

/** Whether it is the same delivery, at most for fewer recipients, or with another time to expire at. */
function isNarrowed(given: Delivery, valid: Delivery | undefined): boolean {
  if (valid === undefined) return false;
  const isSame = FIXED_FIELDS.every((field) => given[field] === valid[field]);
  const hasParts = given.tags !== undefined || given.dsn !== undefined;
  return (
    isSame &&
    // The same object may have other values by now.
    !hasParts &&
    isSubset(given.to, valid.to) &&
    isSendableTime(given.createdAt) &&
    isSendableTime(given.expiresAt)
  );
}

function isSubset(given: readonly string[], valid: readonly string[]): boolean {
  const addresses = new Set(valid);
  // Once each: repeated ones would not fit into a message.
  return Array.isArray(given) && given.every((address) => addresses.delete(address));
}

/** The same delivery if it has no recipient that can be sent to, and so is refused as a whole. */
function withoutUnsendable(delivery: Delivery): Delivery {
  if (!Array.isArray(delivery.to) || delivery.to.length < 2 || delivery.to.length > MAX_RECIPIENTS)
    return delivery;
  const refused = delivery.to.flatMap((address): RefusedAddress[] => {
    const detail = problemOf(address);
    return detail === undefined ? [] : [{ address: String(address), detail }];
  });
  if (refused.length === 0 || refused.length === delivery.to.length) return delivery;
  const unsendable = new Set(refused.map(({ address }) => address));
  return {
    ...delivery,
    to: delivery.to.filter((address) => !unsendable.has(String(address))),
    refused: [...(delivery.refused ?? []), ...refused],
  };
}

function problemOf(address: unknown): string | undefined {
  const result = v.safeParse(sendableAddress, address, { abortPipeEarly: true });
  return result.success ? undefined : problemsIn(result.issues)[0]?.rule;
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
