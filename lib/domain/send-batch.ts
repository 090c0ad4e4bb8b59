/**
 * The message tags by which an event of SES is traced back to the part of the delivery that it is about, and to the
 * moment from which it is counted how long the mail took. Tags of these names that a caller sets are written over.
 */
export const DELIVERY_TAGS = { deliveryId: 'deliveryId', part: 'part', failedAt: 'failedAt' } as const;

const ENCODED = 'b64_';

/**
 * A tag's value has letters, digits, `_` and `-`; an id with anything else is written in base64url behind a
 * prefix that a plain id cannot be mistaken for.
 */
export function toDeliveryIdTag(deliveryId: string): string {
  const plain = /^[A-Za-z0-9_-]+$/.test(deliveryId) && !deliveryId.startsWith(ENCODED);
  return plain ? deliveryId : `${ENCODED}${Buffer.from(deliveryId).toString('base64url')}`;
}

/** The id that a tag stands for; undefined where it cannot have been written by `deliveryIdTag`. */
export function parseDeliveryIdTag(tag: string): string | undefined {
  const id = tag.startsWith(ENCODED) ? Buffer.from(tag.slice(ENCODED.length), 'base64url').toString() : tag;
  return toDeliveryIdTag(id) === tag ? id : undefined;
}

/** Milliseconds since 1970. */
export function toFailedAtTag(failedAt: Date): string {
  return String(failedAt.getTime());
}

/** The time that a tag stands for; undefined where it cannot have been written by `failedAtTag` since 1970. */
export function parseFailedAtTag(tag: string): Date | undefined {
  return /^(?:0|[1-9]\d{0,14})$/.test(tag) ? new Date(Number(tag)) : undefined;
}
