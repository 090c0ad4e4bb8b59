import type { FrozenMessage, FrozenResult } from '../adapters/mime/freeze-message.ts';
import type { Delivery } from '../message/delivery.ts';
import { MAX_CONTENT_BYTES } from '../message/limits.ts';
import type { RefusalReason, Refused } from '../message/outcome.ts';
import { deliveryFlaw } from './delivery-flaw.ts';

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
    id: String(request.id),
    reason,
    detail,
  });
  if (frozen.kind === 'too-large') {
    return refuse(
      'too-large',
      `the message has ${frozen.bytes} bytes, at most ${MAX_CONTENT_BYTES} can be sent`,
    );
  }
  if (frozen.kind === 'malformed') return refuse('invalid', frozen.detail);
  const delivery = deliveryOf(frozen.message, request, now);
  return deliveryFlaw(delivery, now) ?? { kind: 'delivery', delivery };
}

function deliveryOf(message: FrozenMessage, request: DeliveryRequest, now: Date): Delivery {
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
