import * as v from 'valibot';
import type { FrozenMessage, FrozenResult } from '../adapters/mime/freeze-message.ts';
import type { Delivery } from '../message/delivery.ts';
import { addressSchema, deliveryIdentitySchema, describeIssues } from '../message/envelope.ts';
import { MAX_ADDRESSES_BYTES, MAX_CONTENT_BYTES, MAX_RECIPIENTS } from '../message/limits.ts';
import type { RefusalReason, Refused } from '../message/outcome.ts';

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

export type FreezeResult = { readonly kind: 'delivery'; readonly delivery: Delivery } | Refused;

/** Makes a delivery of a frozen message, or says why it can never be one. */
export function freezeDelivery(frozen: FrozenResult, request: DeliveryRequest, now: Date): FreezeResult {
  const refuse = (reason: RefusalReason, detail: string): Refused => ({
    kind: 'refused',
    id: request.id,
    reason,
    detail,
  });
  if (frozen.kind === 'too-large') {
    return refuse(
      'too-large',
      `the message has ${frozen.bytes} bytes, at most ${MAX_CONTENT_BYTES} can be sent`,
    );
  }
  const { message } = frozen;
  if (message.to.length === 0) return refuse('no-recipient', 'the mail names no recipient');
  if (request.expiresAt <= now) return refuse('expired', `it expired at ${request.expiresAt.toISOString()}`);
  const wrong = brokenRules(message, request);
  if (wrong !== undefined) return refuse('invalid', wrong);
  const { id, tenantId, expiresAt, tags } = request;
  return {
    kind: 'delivery',
    delivery: {
      id,
      expiresAt,
      createdAt: now,
      ...message,
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(tags === undefined ? {} : { tags }),
    },
  };
}

/** What the resend Lambda would refuse is refused here, where the caller can still mend it. */
function brokenRules(message: FrozenMessage, request: DeliveryRequest): string | undefined {
  const schema = v.object({
    ...deliveryIdentitySchema.entries,
    from: addressSchema,
    to: v.pipe(v.array(addressSchema), v.maxLength(MAX_RECIPIENTS, `at most ${MAX_RECIPIENTS} recipients`)),
  });
  const addressesBytes = Buffer.byteLength(JSON.stringify(message.to));
  if (addressesBytes > MAX_ADDRESSES_BYTES) {
    return `to: the addresses take ${addressesBytes} bytes, at most ${MAX_ADDRESSES_BYTES} fit into a queue message`;
  }
  const result = v.safeParse(schema, { ...request, from: message.from, to: message.to });
  return result.success ? undefined : describeIssues(result.issues);
}
