import { types } from 'node:util';
import * as v from 'valibot';
import type { Delivery } from '../message/delivery.ts';
import { addressSchema, deliveryIdentitySchema, describeIssues } from '../message/envelope.ts';
import { MAX_ADDRESSES_BYTES, MAX_RECIPIENTS } from '../message/limits.ts';
import type { RefusalReason, Refused } from '../message/outcome.ts';

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

/** What the resend Lambda would refuse is refused here, where the caller can still mend it. */
export function deliveryFlaw(delivery: Delivery, now: Date): Refused | undefined {
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
